"""What an epoch consists of, and who knows it."""

from __future__ import annotations

import json
import logging
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaException, TopicPartition

from headrace.client import CONSUME_RECORDS, PASSING_ERRORS, Config, consumer_config

_log = logging.getLogger("headrace")

EMPTY_PAUSE_S = 0.1
LOOK_S = 0.1
INDEX_LOOK_S = 0.2


@dataclass(frozen=True)
class Extent:
    """The offsets of a topic that are an epoch: of partition p, ``begin[p]`` up to, not including, ``end[p]``.

    `generation` is the source's, 0 where nobody told it.
    """

    topic: str
    begin: tuple[int, ...]
    end: tuple[int, ...]
    generation: int = 0

    def __post_init__(self) -> None:
        if len(self.begin) != len(self.end) or not self.end:
            raise ValueError(f"no extent: topic={self.topic} begin={self.begin} end={self.end}")
        if any(not 0 <= begin <= end for begin, end in zip(self.begin, self.end)):
            raise ValueError(f"an end before its beginning: topic={self.topic} begin={self.begin} end={self.end}")

    @property
    def counts(self) -> tuple[int, ...]:
        """Samples of each partition."""
        return tuple(end - begin for begin, end in zip(self.begin, self.end))

    @property
    def total(self) -> int:
        return sum(self.counts)

    def covers(self, other: Extent) -> bool:
        """Whether all of the other one's samples are here."""
        return len(self.end) == len(other.end) and all(
            mine <= theirs for mine, theirs in zip((*self.begin, *other.end), (*other.begin, *self.end))
        )


class IndexIncomplete(RuntimeError):
    """The server has not counted all samples yet, so nobody knows an epoch's length."""


class ExtentSource(Protocol):
    """Knows how far a topic reaches."""

    def extent(self, topic: str) -> Extent:
        """What the topic holds now. Raises `IndexIncomplete` if that may be less than the dataset."""


SETTLE_S = 2.0
"""How long the ends have to stand still before `KafkaExtents` believes them; longer than one read of a slow store."""


@dataclass(frozen=True)
class KafkaExtents:
    """Asks for the offsets, as any Kafka client can, and believes them when they have come to rest.

    The end of a source topic moves while its objects are listed and, for formats such as ``lines``, counted,
    and Kafka's protocol has no word for "and there is more to come". So a scratch consumer waits at the ends,
    which also drives the counting, until none has moved for `settle_s`. That is a guess: a store that stalls
    for longer passes for complete, and a large topic that nobody has read yet is read through here, for
    its length alone. `AdminExtents` knows; `headrace source index` counts ahead. With `settle_s` 0 the
    ends are taken as they are, which is right for a topic that nobody writes to.

    A topic without any record is waited for up to `timeout_s`, and then is `IndexIncomplete`: an epoch
    of nothing is nobody's intention.
    """

    bootstrap_servers: str
    config: Config
    timeout_s: float = 30.0
    settle_s: float = SETTLE_S

    def extent(self, topic: str) -> Extent:
        consumer = Consumer(consumer_config(self.bootstrap_servers, f"headrace-extent-{topic}", self.config))
        deadline = time.monotonic() + self.timeout_s
        try:
            partitions = self._partitions(consumer, topic)
            while True:
                self._settle(consumer, topic, partitions)
                extent = self._offsets(consumer, topic, partitions)
                if extent.total > 0:
                    return extent
                if time.monotonic() >= deadline:
                    raise IndexIncomplete(f"the topic holds no record: topic={topic} waited={self.timeout_s} s")
                time.sleep(EMPTY_PAUSE_S)
        finally:
            consumer.close()

    def _partitions(self, consumer: Consumer, topic: str) -> int:
        metadata = consumer.list_topics(topic, timeout=self.timeout_s).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        return len(metadata.partitions)

    def _offsets(self, consumer: Consumer, topic: str, partitions: int) -> Extent:
        marks = [
            consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=self.timeout_s)
            for partition in range(partitions)
        ]
        if None in marks:
            raise TimeoutError(f"the offsets did not come in time: topic={topic} timeout={self.timeout_s} s")
        return Extent(topic, tuple(low for low, _ in marks), tuple(high for _, high in marks))

    def _settle(self, consumer: Consumer, topic: str, partitions: int) -> None:
        if self.settle_s <= 0:
            return
        end = self._offsets(consumer, topic, partitions).end
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in enumerate(end)])
        began = moved = time.monotonic()
        while time.monotonic() - moved < self.settle_s:
            for message in consumer.consume(CONSUME_RECORDS, min(self.settle_s, LOOK_S)):
                if message.error() is not None and message.error().code() not in PASSING_ERRORS:
                    raise KafkaException(message.error())
                moved = time.monotonic()
        consumer.unassign()
        if moved != began:
            _log.info("the topic grew while its end was looked for; admin_url would know it: topic=%s", topic)

INDEX_WAIT_S = 30.0
"""How long `AdminExtents` waits for an index by default: enough to list a source, not to count a large one."""


@dataclass(frozen=True)
class AdminExtents:
    """Asks the server's admin listener, which knows whether the index of a source topic is complete.

    If it is not, the server is told to complete it, and up to `wait_s` is waited. What is indexed stays, and the
    server goes on also after nobody waits any more; `headrace source status` shows how far it is.
    """

    url: str
    wait_s: float = INDEX_WAIT_S
    timeout_s: float = 30.0

    def extent(self, topic: str) -> Extent:
        deadline = time.monotonic() + self.wait_s
        status = self._ask(topic, "")
        if not status["complete"]:
            self._ask(topic, "/index", b"")
        while not status["complete"]:
            left = deadline - time.monotonic()
            if left <= 0:
                raise IndexIncomplete(
                    f"the source is not counted to its end, so an epoch has no length yet: topic={topic} "
                    f"indexed={status['indexedBytes']} of {status['objectBytes']} bytes {status['failure']}; "
                    f"`headrace source index --wait {topic}` waits for it"
                )
            time.sleep(min(INDEX_LOOK_S, left))
            status = self._ask(topic, "")
        end = tuple(int(offset) for offset in status["endOffsets"])
        return Extent(topic, (0,) * len(end), end, int(status["generation"]))

    def _ask(self, topic: str, action: str, body: bytes | None = None) -> Any:
        url = f"{self.url.rstrip('/')}/sources/{topic}{action}"
        # The server takes no POST without this header, which no web page can make a browser send.
        request = urllib.request.Request(url, body, {"X-Headrace": "1"})
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                raise LookupError(f"refused: url={url} status={refused.code} {refused.read().decode()}") from None


class Aliases(Protocol):
    """Knows which version of a dataset an alias shows."""

    def version(self, topic: str) -> str:
        """The topic that an alias shows now; the topic itself if it is no alias."""


class NoAliases:
    """Takes every topic for what it is called."""

    def version(self, topic: str) -> str:
        return topic


@dataclass(frozen=True)
class AdminAliases:
    """Asks the server's admin listener."""

    url: str
    timeout_s: float = 30.0

    def version(self, topic: str) -> str:
        url = f"{self.url.rstrip('/')}/views/{topic}"
        try:
            with urllib.request.urlopen(url, timeout=self.timeout_s) as answer:
                return str(json.load(answer).get("current") or topic)
        except urllib.error.HTTPError as refused:
            with refused:
                if refused.code == 404:  # no view, so no alias; whether there is such a topic is asked later
                    return topic
                raise LookupError(f"refused: url={url} status={refused.code} {refused.read().decode()}") from None


def alias_source(admin_url: str | None) -> Aliases:
    """The admin listener where its address is known."""
    if admin_url is None:
        return NoAliases()
    return AdminAliases(admin_url)


def extent_source(bootstrap_servers: str, config: Config, admin_url: str | None, settle_s: float) -> ExtentSource:
    """The admin listener where its address is known, else Kafka's own offsets."""
    if admin_url is None:
        return KafkaExtents(bootstrap_servers, config, settle_s=settle_s)
    return AdminExtents(admin_url)
