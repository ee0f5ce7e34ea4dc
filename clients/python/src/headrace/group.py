"""The other way to share a topic: a consumer group deals out its partitions."""

from __future__ import annotations

import time
from typing import Any, Callable, Generic, Iterator, TypeVar, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from headrace import _torch
from headrace.client import CONSUME_RECORDS, PASSING_ERRORS, Config, consumer_config
from headrace.decoders import by_header
from headrace.extent import SETTLE_S, Extent, extent_source
from headrace.record import Record

T = TypeVar("T")

COMMIT_EVERY_S = 5.0
LOOK_S = 0.2
"""How often a member that has read its own partitions looks whether the others have read theirs."""

_NO_LONGER_OURS = frozenset(
    (
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError._ASSIGNMENT_LOST,
    )
)
"""The group has gone on without this member; another one gets these samples again."""


class HeadraceGroupDataset(_torch.IterableDataset[T], Generic[T]):
    """The samples of a topic, dealt out among the members of a consumer group as they come and go.

    For evaluation, preprocessing, or any job whose members need no equal steps: a member that dies is
    replaced, and what it had not committed is delivered again (at least once). There is no order among
    members, no ``len()``, and no state: the group's committed offsets are the state. For DDP use
    `HeadraceDataset`.

    Epoch e is the group ``<group>-<e>`` of its own, so that an epoch can be resumed and the next one begins
    at the beginning. An iterator ends when the *group* has committed the extent's end in every
    partition; until then it waits for what other members might leave behind. A sample is committed
    when the next one is asked for; in DataLoader workers that is when it was prefetched, not trained on.
    """

    def __init__(
        self,
        topic: str,
        group: str,
        bootstrap_servers: str = "127.0.0.1:9092",
        *,
        decode: Callable[[Record], T] = cast(Any, by_header),
        admin_url: str | None = None,
        settle_s: float = SETTLE_S,
        extent: Extent | None = None,
        config: Config | None = None,
    ) -> None:
        self.topic = topic
        self.group = group
        self.decode = decode
        self.epoch = 0
        self._bootstrap_servers = bootstrap_servers
        self._config = {"auto.offset.reset": "earliest", **(config or {})}
        extents = extent_source(bootstrap_servers, self._config, admin_url, settle_s)
        self.extent = extents.extent(topic) if extent is None else extent

    def set_epoch(self, epoch: int) -> None:
        """Which epoch the next iterator reads."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[T]:
        group = f"{self.group}-{self.epoch}"
        settings = consumer_config(self._bootstrap_servers, f"headrace-{group}", self._config, group)
        member = _Member(Consumer(settings), self.extent)
        try:
            for message in member.messages():
                yield self.decode(Record.of(message))
        finally:
            member.close()
        self.epoch += 1


class _Member:
    """One consumer of the group, from joining to leaving."""

    def __init__(self, consumer: Consumer, extent: Extent) -> None:
        self._consumer = consumer
        self._extent = extent
        self._uncommitted: dict[int, int] = {}
        self._commit_at = time.monotonic() + COMMIT_EVERY_S
        consumer.subscribe([extent.topic], on_revoke=self._revoked)

    def messages(self) -> Iterator[Any]:
        while True:
            batch = self._consumer.consume(CONSUME_RECORDS, 0) or self._wait()
            for message in batch:
                if self._is_wanted(message):
                    yield message
                    self._uncommitted[message.partition()] = message.offset() + 1
            if not batch or time.monotonic() >= self._commit_at:
                self._commit()
                if not batch and self._is_group_done():
                    return

    def close(self) -> None:
        """Leaves the group. What was not committed is delivered to another member."""
        self._consumer.close()

    def _wait(self) -> list[Any]:
        message = self._consumer.poll(LOOK_S)
        return [] if message is None else [message]

    def _is_wanted(self, message: Any) -> bool:
        if message.error() is not None:
            if message.error().code() not in PASSING_ERRORS:
                raise KafkaException(message.error())
            return False
        return bool(message.offset() < self._extent.end[message.partition()])

    def _commit(self) -> None:
        self._commit_at = time.monotonic() + COMMIT_EVERY_S
        if not self._uncommitted:
            return
        try:
            self._consumer.commit(offsets=self._offsets(self._uncommitted), asynchronous=False)
        except KafkaException as refused:
            if refused.args[0].code() not in _NO_LONGER_OURS:
                raise
        self._uncommitted.clear()

    def _revoked(self, _consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        """The last moment at which this member may commit for what it gives up."""
        self._commit()

    def _is_group_done(self) -> bool:
        asked = self._offsets(dict.fromkeys(range(len(self._extent.end)), 0))
        committed = self._consumer.committed(asked, timeout=30)
        return all(
            max(each.offset, self._extent.begin[each.partition]) >= self._extent.end[each.partition]
            for each in committed
        )

    def _offsets(self, offsets: dict[int, int]) -> list[TopicPartition]:
        return [TopicPartition(self._extent.topic, partition, offset) for partition, offset in offsets.items()]
