"""How many records a second one worker reads: ``bench/read.py [records] [bytes] [partitions]``.

Starts a server, fills a topic, and reads it whole: with a bare confluent-kafka consumer (consume() in bulk,
the values looked at), with `HeadraceDataset`, and with it through torch's DataLoader if there is torch.
Prints versions, the machine, and for each the best of three runs, taken in turns: records and bytes a second, and
this process's CPU time per record, which other load on the machine changes least (workers' is not in it).
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "src")]

import confluent_kafka  # noqa: E402
from confluent_kafka import Consumer, TopicPartition  # noqa: E402

from headrace import HeadraceDataset, HeadraceLoader, _torch  # noqa: E402
from headrace.client import consumer_config  # noqa: E402
from server import Server  # noqa: E402


def bare(server: Server, topic: str, partitions: int, count: int) -> int:
    consumer = Consumer(consumer_config(server.bootstrap, "bare", {}))
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    left, size = count, 0
    while left:
        for message in consumer.consume(1024, 0) or filter(None, [consumer.poll(1)]):
            size += len(message.value())
            left -= 1
    consumer.close()
    return size


def value(record):  # type: ignore[no-untyped-def]
    return record.value


def dataset(server: Server, topic: str, **options: int) -> int:
    return sum(map(len, HeadraceDataset(topic, server.bootstrap, decode=value, settle_s=0, **options)))


def loader(server: Server, topic: str, workers: int) -> int:
    part = HeadraceDataset(topic, server.bootstrap, decode=value, settle_s=0)
    return sum(sum(map(len, batch)) for batch in HeadraceLoader(part, 256, num_workers=workers))


def main() -> None:
    count, size, partitions = (int(word) for word in (*sys.argv[1:], *("200000", "1000", "8")[len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as folder, Server(Path(folder) / "server") as server:
        rows = count // partitions
        topic = server.records([[bytes(size)] * rows for _ in range(partitions)])
        ways = {
            "confluent-kafka alone": lambda: bare(server, topic, partitions, rows * partitions),
            "HeadraceDataset": lambda: dataset(server, topic),
            "HeadraceDataset, shuffled": lambda: dataset(server, topic, shuffle_window=1000),
        }
        if _torch.torch is not None:
            ways["HeadraceLoader, 1 worker"] = lambda: loader(server, topic, 1)
            ways["HeadraceLoader, 2 workers"] = lambda: loader(server, topic, 2)
        best = dict.fromkeys(ways, (float("inf"), float("inf")))
        for _ in range(3):
            for name, read in ways.items():
                begun, used = time.perf_counter(), time.process_time()
                assert read() == rows * partitions * size
                took = time.perf_counter() - begun, time.process_time() - used
                best[name] = min(best[name][0], took[0]), min(best[name][1], took[1])
    machine = f"{platform.machine()}, {os.cpu_count()} cores shared with the server"
    print(f"{machine}; Python {platform.python_version()}, librdkafka {confluent_kafka.libversion()[0]}")
    records = rows * partitions
    print(f"{records:,} records of {size:,} bytes in {partitions} partitions")
    for name, (seconds, cpu) in best.items():
        print(
            f"{name:<26} {records / seconds:>10,.0f} records/s {records * size / seconds / 1e6:>8,.1f} MB/s"
            f" {cpu / records * 1e6:>7.1f} us CPU/record"
        )


if __name__ == "__main__":
    main()
