"""See README.md, "Members of a group"; kafka-python."""
import signal
import sys

from kafka import ConsumerRebalanceListener, KafkaConsumer

bootstrap, group, topic, client_id = sys.argv[1:5]
leaving = []
signal.signal(signal.SIGTERM, lambda *_: leaving.append(True))
print("started", flush=True)

consumer = KafkaConsumer(
    bootstrap_servers=bootstrap,
    group_id=group,
    client_id=client_id,
    auto_offset_reset="earliest",
    enable_auto_commit=False,
    heartbeat_interval_ms=200,
)


class Committing(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        if revoked:
            consumer.commit()

    def on_partitions_assigned(self, assigned):
        pass


consumer.subscribe([topic], listener=Committing())
while not leaving:
    batches = consumer.poll(timeout_ms=200)
    for records in batches.values():
        for record in records:
            print(record.value.decode(), flush=True)
    if batches:
        consumer.commit()
consumer.close(autocommit=False)
