"""See README.md; kafka-python."""
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

bootstrap, phase, prefix, codecs, count = sys.argv[1:5] + [int(sys.argv[5])]
half = count // 2


def value(i):
    return b"%d:" % i + b"x" * 200


def produce(topic, codec):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=None if codec == "none" else codec,
        acks="all",
        linger_ms=50,
    )
    for future in [producer.send(topic, value(i), partition=0) for i in range(count)]:
        future.get(30)
    producer.close()


def consume(topic, codec, start):
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=topic,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        consumer_timeout_ms=30_000,
    )
    end = start + half
    for record in consumer:
        number = int(record.value.split(b":")[0])
        assert record.value == value(number), record
        print(codec, number)
        if number == end - 1:
            break
    consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(end, "")})
    consumer.close()


for codec in codecs.split(","):
    topic = prefix + "-" + codec
    if phase == "first":
        produce(topic, codec)
    consume(topic, codec, 0 if phase == "first" else half)
