"""Looking at topics and groups, without being a member of any."""

from __future__ import annotations

from typing import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

WAIT_S = 60.0


def checked(message: Message) -> bool:
    """Whether it is a record: else it is the end of a partition. An error if it is another one."""
    error = message.error()
    if error is None:
        return True
    if error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return False


def read(bootstrap: str, topic: str, follow: bool = False) -> Iterator[Message]:
    """The records that are there, in each partition in their order; with `follow` also those that are still to come."""
    consumer = _consumer(bootstrap)
    try:
        partitions = consumer.list_topics(topic, WAIT_S).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        unread = set(partitions)
        while unread:
            message = _next(consumer, topic)
            if checked(message):
                yield message
            elif not follow:
                unread.remove(message.partition())
    finally:
        consumer.close()


def last_record(bootstrap: str, topic: str, partition: int) -> Message | None:
    consumer = _consumer(bootstrap)
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), WAIT_S)
        if end == 0:
            return None
        consumer.assign([TopicPartition(topic, partition, end - 1)])
        message = _next(consumer, topic)
        checked(message)
        return message
    finally:
        consumer.close()


def count(bootstrap: str, topic: str) -> int:
    """How many records the topic has."""
    consumer = _consumer(bootstrap)
    try:
        partitions = consumer.list_topics(topic, WAIT_S).topics[topic].partitions
        return sum(consumer.get_watermark_offsets(TopicPartition(topic, it), WAIT_S)[1] for it in partitions)
    finally:
        consumer.close()


def unread(bootstrap: str, topic: str, group: str) -> int:
    """How many records of the topic the group has not committed."""
    consumer = _consumer(bootstrap, group)
    try:
        partitions = consumer.list_topics(topic, WAIT_S).topics[topic].partitions
        committed = consumer.committed([TopicPartition(topic, partition) for partition in partitions], WAIT_S)
        return sum(consumer.get_watermark_offsets(it, WAIT_S)[1] - max(it.offset, 0) for it in committed)
    finally:
        consumer.close()


def _consumer(bootstrap: str, group: str = "reading") -> Consumer:
    return Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": group,  # asked for by the client; nothing is committed
        "enable.auto.commit": False,
        "enable.partition.eof": True,
    })  # fmt: skip


def _next(consumer: Consumer, topic: str) -> Message:
    message = consumer.poll(WAIT_S)
    if message is None:
        raise TimeoutError(f"nothing came: topic={topic} timeout_s={WAIT_S}")
    return message
