"""A real Headrace server in a process of its own, and topics on it."""

from __future__ import annotations

import io
import itertools
import os
import re
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any, Mapping, Sequence

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from headrace import Extent, KafkaExtents

REPOSITORY = Path(__file__).resolve().parents[3]
LAUNCHER = os.environ.get("HEADRACE", str(REPOSITORY / "headrace"))
START_S = 300  # the launcher may have to build first
STOP_S = 60

_numbers = itertools.count()


class Server:
    """Started by `with`; its folder holds the data folder, the log and the objects of source topics."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.objects = folder / "objects"
        self.objects.mkdir(parents=True)
        self._settings = settings
        self._port = self._admin_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = self.admin_url = ""

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it, the second time on the same ports."""
        log = self.folder / "server.log"
        settings = {
            "listeners": f"PLAINTEXT://127.0.0.1:{self._port}",
            "headrace.admin.listener": f"127.0.0.1:{self._admin_port}",
            "log.dirs": str(self.folder / "data"),
            "headrace.store.tests.uri": f"{self.objects.as_uri()}/",
            **self._settings,
        }
        command = [LAUNCHER, "serve"]
        for key, value in settings.items():
            command += ["--set", f"{key}={value}"]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env={**os.environ, "HEADRACE_JVM_OPTS": "-Xmx512m"},
            )  # fmt: skip
        self.admin_url = "http://" + self._logged(log, r"metrics and health: address=(\S+)")
        self.bootstrap = self._logged(log, r"listening: listener=PLAINTEXT address=\S*/(\S+)")
        self._port = int(self.bootstrap.rsplit(":", 1)[1])
        self._admin_port = int(self.admin_url.rsplit(":", 1)[1])

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(STOP_S)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed, nothing is said."""
        process, self._process = self._process, None
        assert process is not None
        process.kill()
        process.wait(STOP_S)

    def files(self, values: Sequence[bytes], partitions: int, name: str = "", key: str = "{:06d}") -> str:
        """A source topic over as many objects."""
        topic = name or f"files-{next(_numbers)}"
        (self.objects / topic).mkdir()
        for number, value in enumerate(values):
            (self.objects / topic / key.format(number)).write_bytes(value)
        self._source(topic, partitions, "files")
        self.extent(topic, len(values))  # listed
        return topic

    def lines(self, objects: Mapping[str, Sequence[bytes]], partitions: int) -> str:
        """A source topic over the lines of objects."""
        topic = f"lines-{next(_numbers)}"
        (self.objects / topic).mkdir()
        for key, lines in objects.items():
            (self.objects / topic / key).write_bytes(b"".join(line + b"\n" for line in lines))
        return self._source(topic, partitions, "lines")

    def tars(self, shards: Sequence[Sequence[Mapping[str, bytes]]], partitions: int) -> str:
        """A source topic over WebDataset shards: of each the samples, of each the parts."""
        topic = f"tars-{next(_numbers)}"
        (self.objects / topic).mkdir()
        for number, samples in enumerate(shards):
            with tarfile.open(self.objects / topic / f"{number:06}.tar", "w") as shard:
                for stem, sample in enumerate(samples):
                    for part, value in sample.items():
                        member = tarfile.TarInfo(f"{stem:06}.{part}")
                        member.size = len(value)
                        shard.addfile(member, io.BytesIO(value))
        return self._source(topic, partitions, "tar")

    def records(self, partitions: Sequence[Sequence[bytes]], **options: Any) -> str:
        """A persistent topic that holds these records."""
        topic = f"records-{next(_numbers)}"
        self.create(topic, len(partitions), {"retention.ms": "-1"})
        self.produce(topic, partitions, **options)
        return topic

    def produce(self, topic: str, partitions: Sequence[Sequence[bytes]], **options: Any) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 20})
        for partition, values in enumerate(partitions):
            for value in values:
                while True:
                    try:
                        producer.produce(topic, value, partition=partition, on_delivery=_check, **options)
                        break
                    except BufferError:
                        producer.poll(0.1)
        assert producer.flush(60) == 0

    def create(self, topic: str, partitions: int, config: Mapping[str, str]) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        created = admin.create_topics(
            [NewTopic(topic, num_partitions=partitions, replication_factor=1, config=dict(config))], request_timeout=60
        )
        created[topic].result()

    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        """Gives a topic these configs, and takes away those that it has."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config=dict(config))
        admin.alter_configs([resource])[resource].result()

    def extent(self, topic: str, total: int | None = None) -> Extent:
        """The topic's extent, once it has so many records."""
        deadline = time.monotonic() + 60
        while True:
            extent = KafkaExtents(self.bootstrap, {}, settle_s=0).extent(topic)
            if total is None or extent.total == total:
                return extent
            assert time.monotonic() < deadline, extent
            time.sleep(0.05)

    def _source(self, topic: str, partitions: int, format: str) -> str:
        self.create(
            topic, partitions,
            {
                "headrace.storage.mode": "source",
                "headrace.source.uri": f"{(self.objects / topic).as_uri()}/",
                "headrace.source.format": format,
            },
        )  # fmt: skip
        return topic

    def _logged(self, log: Path, pattern: str) -> str:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            found = re.search(pattern, log.read_text(errors="replace"))
            if found:
                return found.group(1)
            assert self._process is not None and self._process.poll() is None, log.read_text(errors="replace")
            time.sleep(0.05)
        raise AssertionError(f"not in the log in time: {pattern}\n{log.read_text(errors='replace')}")


def _check(error: Any, _message: Any) -> None:
    if error is not None:
        raise KafkaException(error)
