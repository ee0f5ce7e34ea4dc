"""Clients for the topics of many agents: some hundreds to each, as librdkafka looks its topics up by name in a list."""

from __future__ import annotations

import time
from typing import Any, Iterable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from topics import topic

SHARD = 500  # agents per client: each produce, and each topic of each fetch, searches all the client's topics
BATCH = 1000
IDLE_S = 0.005
FLUSH_S = 60.0
FULL_S = 0.1

Headers = list[tuple[str, bytes]]


def consumer(bootstrap: str, topics: Iterable[str], config: Mapping[str, Any] = {}) -> Consumer:
    """Reads the topics, all of one partition, from their beginning.

    They are assigned by name and with an offset: the client then asks for the metadata of these topics alone, and for
    no offset of any. A pattern would have it ask for all topics of the server, again and again.
    """
    made = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "agents",  # asked for by the client; nothing is committed
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",  # where retention has moved the beginning
        **config,
    })  # fmt: skip
    made.assign([TopicPartition(name, 0, 0) for name in topics])
    return made


def checked(messages: list[Message]) -> list[Message]:
    """The messages, if none of them is an error; the end of a partition is none."""
    for message in messages:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise KafkaException(error)
    return messages


class Receiver:
    """Reads one kind of topic of many agents."""

    def __init__(self, bootstrap: str, agents: range, kind: str) -> None:
        self._consumers = [consumer(bootstrap, (topic(it, kind) for it in shard)) for shard in shards(agents)]

    def read(self) -> list[Message]:
        """What is there; of nothing, after a moment."""
        messages = [message for one in self._consumers for message in checked(one.consume(BATCH, 0))]
        if not messages:
            time.sleep(IDLE_S)
        return messages

    def close(self) -> None:
        for one in self._consumers:
            one.close()


def shards(agents: range) -> list[range]:
    return [agents[at : at + SHARD] for at in range(0, len(agents), SHARD)]


class Sender:
    """Producers that are made as they are needed; counts what was delivered, and fails with the first that was not."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._producers: dict[int, Producer] = {}
        self.delivered = 0

    def send(self, agent: int, kind: str, key: bytes, value: bytes, headers: Headers) -> None:
        producer = self._producer(agent)
        while True:
            try:
                producer.produce(topic(agent, kind), value, key, headers=headers, on_delivery=self._on_delivery)
                return
            except BufferError:
                producer.poll(FULL_S)

    def poll(self) -> None:
        for producer in self._producers.values():
            producer.poll(0)

    def flush(self) -> None:
        for producer in self._producers.values():
            if producer.flush(FLUSH_S) > 0:
                raise TimeoutError(f"not delivered in time: timeout_s={FLUSH_S}")

    def _producer(self, agent: int) -> Producer:
        shard = agent // SHARD
        if shard not in self._producers:
            self._producers[shard] = Producer({"bootstrap.servers": self._bootstrap, "linger.ms": 5})
        return self._producers[shard]

    def _on_delivery(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            raise KafkaException(error)
        self.delivered += 1
