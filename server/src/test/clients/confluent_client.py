"""See README.md; confluent-kafka-python, which is librdkafka."""
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

bootstrap, phase, prefix, codecs, count = sys.argv[1:5] + [int(sys.argv[5])]
half = count // 2


def value(i):
    return b"%d:" % i + b"x" * 200


def check(error, _message):
    if error is not None:
        raise KafkaException(error)


def produce(topic, codec):
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.codec": codec,
            "enable.idempotence": True,
            "linger.ms": 50,
        }
    )
    for i in range(count):
        producer.produce(topic, value(i), partition=0, on_delivery=check)
    assert producer.flush(30) == 0


def consume(topic, codec, start):
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": topic,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "check.crcs": True,
        }
    )
    consumer.subscribe([topic])
    end = start + half
    deadline = time.monotonic() + 30
    number = -1
    while number < end - 1:
        assert time.monotonic() < deadline, "nothing received in time"
        message = consumer.poll(1)
        if message is None:
            continue
        check(message.error(), message)
        number = int(message.value().split(b":")[0])
        assert message.value() == value(number), message.value()
        print(codec, number)
    consumer.commit(offsets=[TopicPartition(topic, 0, end)], asynchronous=False)
    consumer.close()


for codec in codecs.split(","):
    topic = prefix + "-" + codec
    if phase == "first":
        produce(topic, codec)
    consume(topic, codec, 0 if phase == "first" else half)
