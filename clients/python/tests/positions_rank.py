"""One rank in a process of its own that knows no step: a plain consumer, which goes on where its group has committed.

Of a view's partitions p = rank mod W it takes what the step asks for, commits, prints the step, and waits to be told to
go on.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition


def main(settings: dict[str, Any]) -> None:
    rank, world_size = settings["rank"], settings["world_size"]
    topic, partitions, total, batch = (settings[key] for key in ("topic", "partitions", "total", "global_batch"))
    consumer = Consumer(
        {
            "bootstrap.servers": settings["bootstrap"],
            "group.id": settings["group"],
            "enable.auto.commit": False,
            "reconnect.backoff.max.ms": 200,
        }
    )
    mine = range(rank, partitions, world_size)
    found = again(lambda: consumer.committed([TopicPartition(topic, p) for p in mine], timeout=30))
    consumer.assign([TopicPartition(topic, at.partition, max(0, at.offset)) for at in found])
    # The next sample of each partition is the first of the step at which the group stands.
    step = min(max(0, at.offset) * partitions + at.partition for at in found) // batch
    waiting: dict[int, list[int]] = {p: [] for p in mine}
    while step * batch < total:
        end = min((step + 1) * batch, total)
        samples = []
        for number in range(step * batch, end):
            if number % world_size == rank:
                partition = number % partitions
                while not waiting[partition]:
                    take(consumer, waiting)
                samples.append(waiting[partition].pop(0))
        offsets = [TopicPartition(topic, p, (end + partitions - 1 - p) // partitions) for p in mine]
        again(lambda: consumer.commit(offsets=offsets, asynchronous=False))  # noqa: B023
        print(json.dumps({"step": step, "batch": samples, "state": None}), flush=True)
        sys.stdin.readline()
        step += 1
    print(json.dumps({"step": step, "batch": None, "state": None}), flush=True)


def take(consumer: Consumer, waiting: dict[int, list[int]]) -> None:
    for message in consumer.consume(500, timeout=0.2):
        if message.error() is None:
            waiting[message.partition()].append(int(message.value()))
        elif message.error().fatal() or message.error().code() == KafkaError._AUTO_OFFSET_RESET:
            raise KafkaException(message.error())


def again(ask):  # type: ignore[no-untyped-def]
    """The server may be gone for a while."""
    while True:
        try:
            return ask()
        except KafkaException as failed:
            print(failed, file=sys.stderr)
