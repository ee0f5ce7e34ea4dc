"""Follows what the workers report, and pauses all of them when one has a loss that is not a number."""

from __future__ import annotations

import json
import math
import time
from typing import Any, Iterator

from confluent_kafka import Consumer, KafkaException, TopicPartition

from control import Controller

Report = dict[str, Any]


def reports(bootstrap: str, topic: str, timeout_s: float) -> Iterator[Report]:
    """All reports from the first on; an error if there is none for so long."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "monitor", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, 0)])
    try:
        while True:
            message = consumer.poll(timeout_s)
            if message is None:
                raise TimeoutError(f"no worker reports anything: timeout_s={timeout_s}")
            if message.error() is not None:
                raise KafkaException(message.error())
            yield json.loads(message.value())
    finally:
        consumer.close()


class NanWatch:
    """Pauses the training once for each loss that is not a number."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.alarm: Report | None = None
        self.seen_ns = self.written_ns = 0

    def look_at(self, report: Report) -> bool:
        """Whether this report has paused the training."""
        if report["event"] != "step" or not math.isnan(report["loss"]):
            return False
        self.seen_ns = time.time_ns()
        self._controller.change("running", False, report["step"])
        self.written_ns = time.time_ns()
        self.alarm = report
        return True
