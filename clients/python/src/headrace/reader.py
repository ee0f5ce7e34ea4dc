"""Records of given offsets out of a consumer that delivers them as it likes."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace.client import CONSUME_RECORDS, PASSING_ERRORS

RECORD_OVERHEAD_BYTES = 200
"""What a message weighs besides its value, roughly."""

LOOK_S = 1.0
"""Longest wait without a look at the deadline, and at signals."""


class LostRecords(RuntimeError):
    """Offsets that a dataset needs are not in the topic: deleted, compacted, or never there."""


class PartitionReader:
    """Hands out messages by partition and offset, ascending within each partition.

    The consumer's one queue delivers partitions in lumps, in any order. What comes before its turn waits
    here, at most `buffer_bytes` of it: beyond that the partitions that are ahead are paused, because the
    one that is waited for may be behind a slow object store. (A pause throws away what librdkafka
    has fetched ahead, so it is a last resort, and rare: partitions are drained evenly.)

    Not thread-safe. Owned by one iterator, in the process that reads: librdkafka does not survive a fork.
    """

    def __init__(self, consumer: Consumer, topic: str, *, buffer_bytes: int, stall_timeout_s: float) -> None:
        self._consumer = consumer
        self._topic = topic
        self._buffer_bytes = buffer_bytes
        self._stall_timeout_s = stall_timeout_s
        self._waiting: dict[int, deque[Any]] = {}
        self._next: dict[int, int] = {}
        self._waiting_bytes = 0
        self._paused: set[int] = set()
        self._sought: dict[int, tuple[int, int]] = {}

    def assign(self, first: Mapping[int, int]) -> None:
        """Reads these partitions from now on, each from an offset that is not below what it has delivered."""
        gone = [partition for partition in self._waiting if partition not in first]
        if gone:
            self._drop(gone)
        new = {partition: offset for partition, offset in first.items() if partition not in self._waiting}
        if new:
            self._start(new)

    def take(self, partition: int, offset: int) -> Any:
        """The message at an offset. Blocks until it is there; what lies before it is passed over."""
        waiting = self._waiting.get(partition)
        if waiting is None:
            self._start({partition: offset})
            waiting = self._waiting[partition]
        while True:
            while waiting:
                message = waiting.popleft()
                self._waiting_bytes -= len(message) + RECORD_OVERHEAD_BYTES
                delivered = message.offset()
                if delivered == offset:
                    return message
                if delivered > offset:
                    raise RuntimeError(
                        f"read backwards: topic={self._topic} partition={partition} offset={offset} "
                        f"delivered={delivered}"
                    )
            self._fill(partition)

    def close(self) -> None:
        self._consumer.close()

    def _start(self, first: Mapping[int, int]) -> None:
        for partition, offset in first.items():
            self._waiting[partition] = deque()
            self._next[partition] = offset
        self._consumer.incremental_assign(
            [TopicPartition(self._topic, partition, offset) for partition, offset in first.items()]
        )

    def _drop(self, partitions: list[int]) -> None:
        self._consumer.incremental_unassign([TopicPartition(self._topic, partition) for partition in partitions])
        for partition in partitions:
            del self._next[partition]
            self._waiting_bytes -= sum(len(m) + RECORD_OVERHEAD_BYTES for m in self._waiting.pop(partition))
            self._paused.discard(partition)

    def _fill(self, partition: int) -> None:
        """Takes messages off the consumer until the partition has one."""
        waiting = self._waiting[partition]
        if self._paused and (partition in self._paused or self._waiting_bytes < self._buffer_bytes // 2):
            self._resume()
        deadline = time.monotonic() + self._stall_timeout_s
        while not waiting:
            self._keep(self._consumer.consume(CONSUME_RECORDS, 0) or self._wait(partition, deadline))
            if self._waiting_bytes > self._buffer_bytes and not waiting:
                self._pause(partition)

    def _wait(self, partition: int, deadline: float) -> list[Any]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(
                f"no record came: topic={self._topic} partition={partition} offset={self._next[partition]} "
                f"waited={self._stall_timeout_s} s; the server's log says why"
            )
        # consume() with a timeout would wait for a full batch; poll() returns with the first message.
        message = self._consumer.poll(min(left, LOOK_S))
        return [] if message is None else [message]

    def _keep(self, messages: list[Any]) -> None:
        waiting, following = self._waiting, self._next
        for message in messages:  # runs once per record: locals, and one comparison for all that is in order
            if message.error() is not None:
                self._check(message)
                continue
            partition, offset = message.partition(), message.offset()
            if following.get(partition) != offset:
                self._unexpected(partition, offset)
                continue
            following[partition] = offset + 1
            waiting[partition].append(message)
            self._waiting_bytes += len(message) + RECORD_OVERHEAD_BYTES

    def _unexpected(self, partition: int, offset: int) -> None:
        """Else: fetched before its partition was dropped, or delivered twice around a pause."""
        if partition in self._next and offset > self._next[partition]:
            self._missing(partition, offset)

    def _missing(self, partition: int, offset: int) -> None:
        """Asks for missing records once more: librdkafka may skip some around a pause, a topic may not.

        What was queued before the seek ascends; the same record a second time is the topic's own answer.
        """
        expected = self._next[partition]
        if self._sought.get(partition) == (expected, offset):
            raise LostRecords(
                f"the topic lacks records: topic={self._topic} partition={partition} "
                f"offsets={expected}..{offset - 1}; a dataset needs a topic that is neither compacted nor transactional"
            )
        if self._sought.get(partition, (-1, -1))[0] != expected:
            self._sought[partition] = (expected, offset)
            self._consumer.seek(TopicPartition(self._topic, partition, expected))

    def _check(self, message: Any) -> None:
        error = message.error()
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise LostRecords(
                f"the topic has no such record: topic={self._topic} partition={message.partition()} "
                f"offset={self._next.get(message.partition())}: {error.str()}"
            )
        if error.code() not in PASSING_ERRORS:
            raise KafkaException(error)

    def _pause(self, wanted: int) -> None:
        ahead = [p for p, waiting in self._waiting.items() if waiting and p != wanted and p not in self._paused]
        if ahead:
            self._consumer.pause([TopicPartition(self._topic, partition) for partition in ahead])
            self._paused.update(ahead)

    def _resume(self) -> None:
        self._consumer.resume([TopicPartition(self._topic, partition) for partition in self._paused])
        self._paused.clear()
