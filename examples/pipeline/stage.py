#!/usr/bin/env python3
"""A stage: reads a topic to its end, and writes what a step makes of each record to another one, each exactly once.

    stage.py --bootstrap 127.0.0.1:9092 --step clean --input raw --output clean.v2

It may be killed at any time, and started again, then or on another machine: it goes on where its output ends. For that
a record stays in the partition that it was in, and says which record it was made of (`trail.py`). Several processes of
a stage share the partitions, as any consumers of a group do.
"""

from __future__ import annotations

import argparse
import time

import msgpack
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from reading import checked, last_record
from steps import STEPS, Step
from trail import extended, trail

POLL_S = 0.1
WAIT_S = 60.0


class Stage:
    def __init__(self, bootstrap: str, step: Step, source: str, made: str) -> None:
        self._bootstrap = bootstrap
        self._step = step
        self._source = source
        self._made = made
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": made,
            "client.id": made,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "session.timeout.ms": 2000,  # after which another process gets the partitions of one that was killed
            "heartbeat.interval.ms": 500,
        })  # fmt: skip
        self._producer = Producer({
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,  # a repeated request leaves no second record,
            "enable.gapless.guarantee": True,  # and none is left out before one that is there
            "log_level": 3,  # 4 tells that the client calls this setting experimental
        })  # fmt: skip
        self._unread: set[int] | None = None  # partitions whose end was not seen; None before there are any

    def run(self, pause_s: float = 0) -> None:
        """Reads to the end of all partitions that are its own. `pause_s` stands for a step that takes its time."""
        self._consumer.subscribe([self._source], on_assign=self._on_assign, on_revoke=self._on_revoke)
        while self._unread is None or self._unread:
            message = self._consumer.poll(POLL_S)
            if message is None:
                continue
            if checked(message):
                self._take(message)
                time.sleep(pause_s)
            else:
                self._end(message)
        self._consumer.close()

    def _take(self, message: Message) -> None:
        result = self._step(msgpack.unpackb(message.value()))
        if result is not None:
            self._producer.produce(
                self._made,
                msgpack.packb(result),
                message.key(),
                message.partition(),
                headers=extended(message, self._made),
                on_delivery=_raise,
            )
        self._producer.poll(0)

    def _end(self, end: Message) -> None:
        """Commits that a partition is done, for who publishes the version; the stage itself does not go by it."""
        self._flush()
        done = TopicPartition(self._source, end.partition(), end.offset())
        self._consumer.commit(offsets=[done], asynchronous=False)
        assert self._unread is not None
        self._unread.discard(end.partition())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for partition in partitions:
            last = last_record(self._bootstrap, self._made, partition.partition)
            partition.offset = OFFSET_BEGINNING if last is None else trail(last)[-1].offset + 1
        self._unread = {partition.partition for partition in partitions}
        consumer.assign(partitions)

    def _on_revoke(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._flush()  # who gets them next looks at what is there

    def _flush(self) -> None:
        if self._producer.flush(WAIT_S) > 0:
            raise TimeoutError(f"not written in time: topic={self._made} timeout_s={WAIT_S}")


def _raise(error: KafkaError | None, _: Message) -> None:
    if error is not None:
        raise KafkaException(error)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--step", required=True, choices=STEPS)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--pause-s", type=float, default=0, help="after each record, for demonstrations")
    given = parser.parse_args()
    Stage(given.bootstrap, STEPS[given.step], given.input, given.output).run(given.pause_s)


if __name__ == "__main__":
    main()
