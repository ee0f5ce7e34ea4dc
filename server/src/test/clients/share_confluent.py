"""See README.md, "Members of a group"; confluent-kafka-python, which is librdkafka."""
import signal
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException

bootstrap, group, topic, client_id = sys.argv[1:5]
leaving = []
signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
print("started", flush=True)

consumer = Consumer(
    {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "client.id": client_id,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        "heartbeat.interval.ms": 200,
    }
)


def commit():
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as failure:
        if failure.args[0].code() != KafkaError._NO_OFFSET:
            raise


consumer.subscribe([topic], on_revoke=lambda _consumer, _partitions: commit())
uncommitted = 0
while not leaving:
    message = consumer.poll(0.05)
    if message is not None:
        if message.error() is not None:
            raise KafkaException(message.error())
        print(message.value().decode(), flush=True)
        uncommitted += 1
    if uncommitted == 50 or message is None and uncommitted > 0:
        commit()
        uncommitted = 0
consumer.close()
