"""What all workers of a run have to agree on, kept in a compacted topic.

The topic has one partition, and one key per setting: `learning-rate`, `batch-size`, `running`. The value is a
*schedule*, ``[[0, 0.1], [40, 0.05]]``: 0.1 from step 0 on, 0.05 from step 40 on. It is written as a whole each time.
So the newest record of a key, all that compaction leaves, says what holds at every step; a record that said no more
than "0.05 from step 40 on" would leave who joins at step 30 without any value.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

# What the client tells and gets over by itself: a server that is being restarted, for one.
PASSING = {KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._TIMED_OUT}

CONFIG = {"cleanup.policy": "compact"}
POLL_S = 0.1
WRITE_S = 10.0

Schedule = list[tuple[int, Any]]


@dataclass
class Settings:
    """The settings by step, as of a position in the control topic."""

    schedules: dict[str, Schedule] = field(default_factory=dict)

    def at(self, step: int) -> dict[str, Any]:
        """What holds at the step."""
        values = {}
        for key, schedule in self.schedules.items():
            begun = [value for from_step, value in schedule if from_step <= step]
            if begun:
                values[key] = begun[-1]
        return values

    def changed(self, key: str, value: Any, from_step: int) -> Schedule:
        """The key's schedule with one more change; what was to begin later than that does not begin any more."""
        kept = [(step, earlier) for step, earlier in self.schedules.get(key, []) if step < from_step]
        return [*kept, (from_step, value)]


class Control:
    """Follows the control topic on a thread of its own, so that a long step does not keep it from reading.

    A worker reads the whole topic first. What it has read holds only once all workers have read it: before each step
    they take the minimum of their `end`, which costs one more integer in a reduction that they do anyway, and `agree`
    on that. So all take a change at the same step, whichever of them heard of it first: the step that the change
    names, or, if it came too late for that, the first one that is agreed on. Before its first step a worker waits
    until all agree on what it has found in the topic: of what it found last, compaction may have taken what the others
    still go by.
    """

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": "control",  # asked for by the client; nothing is committed, each worker reads all
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 500,  # a record that comes in the meantime is sent at once
        })  # fmt: skip
        self._unseen: list[tuple[int, str, Schedule]] = []
        self._end = 0
        self._changed = threading.Condition()
        self._read_all = threading.Event()
        self._closed = threading.Event()
        self._error: Exception | None = None
        self.settings = Settings()
        self._consumer.assign([TopicPartition(topic, 0, 0)])
        self._thread = threading.Thread(target=self._follow, name="control", daemon=True)
        self._thread.start()

    def read_all(self, timeout_s: float) -> int:
        """Waits until all that the topic holds has been read, and returns up to which offset that is."""
        if not self._read_all.wait(timeout_s):
            raise TimeoutError(f"the control topic was not read in time: timeout_s={timeout_s}")
        return self.end

    @property
    def end(self) -> int:
        """The offset up to which this worker has read."""
        with self._changed:
            if self._error is not None:
                raise self._error
            return self._end

    def agree(self, end: int) -> Settings:
        """The settings by what lies below `end`, which all workers have read."""
        with self._changed:
            while self._unseen and self._unseen[0][0] < end:
                _, key, schedule = self._unseen.pop(0)
                self.settings.schedules[key] = schedule
        return self.settings

    def wait(self, beyond: int, timeout_s: float) -> None:
        """Returns when something was read beyond that offset, or after the time."""
        with self._changed:
            self._changed.wait_for(lambda: self._end > beyond or self._error is not None, timeout_s)

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        try:
            while not self._closed.is_set():
                message = self._consumer.poll(POLL_S)
                if message is not None:
                    self._take(message)
        except Exception as error:  # told to whoever asks next: a worker must not go on without control
            with self._changed:
                self._error = error
                self._changed.notify_all()
            self._read_all.set()

    def _take(self, message: Any) -> None:
        if message.error() is None:
            with self._changed:
                schedule = [(step, value) for step, value in json.loads(message.value())]
                self._unseen.append((message.offset(), message.key().decode(), schedule))
                self._end = message.offset() + 1
                self._changed.notify_all()
        elif message.error().code() == KafkaError._PARTITION_EOF:
            self._read_all.set()
        elif message.error().code() not in PASSING and not message.error().retriable():
            raise KafkaException(message.error())


class Controller:
    """Writes the control topic. There is one at a time, as each change is made to what it knows to be there."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "linger.ms": 0})
        self._settings: Settings | None = self._read()

    def change(self, key: str, value: Any, from_step: int) -> None:
        """Returns when the server has it on disk. After an error nobody knows whether it is there, or will be soon."""
        settings = self._settings or self._read()
        self._settings = None  # unknown, until the server has answered
        schedule = settings.changed(key, value, from_step)
        self._producer.produce(self._topic, json.dumps(schedule), key, on_delivery=_raise)
        if self._producer.flush(WRITE_S) > 0:
            self._producer.purge()
            raise TimeoutError(f"not written in time: key={key} timeout_s={WRITE_S}")
        settings.schedules[key] = schedule
        self._settings = settings

    def _read(self) -> Settings:
        control = Control(self._bootstrap, self._topic)
        try:
            return control.agree(control.read_all(WRITE_S))
        finally:
            control.close()


def _raise(error: KafkaError | None, _: object) -> None:
    if error is not None and error.code() != KafkaError._PURGE_QUEUE and error.code() != KafkaError._PURGE_INFLIGHT:
        raise KafkaException(error)
