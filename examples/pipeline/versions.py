"""Versions of datasets, and the aliases that show them, by Kafka's own requests.

`headrace dataset publish|alias|rollback` does the same.
"""

from __future__ import annotations

from typing import Mapping

from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from reading import read, unread
from trail import trail

PARTITIONS = 2
KEPT = {"retention.ms": "-1"}
WAIT_S = 60.0


class Versions:
    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._admin = AdminClient({"bootstrap.servers": bootstrap})

    def begin(self, version: str) -> None:
        """Creates the topic that is going to be the version, such as ``clean.v2``."""
        self.create(version, KEPT)

    def publish(self, version: str, source: str) -> None:
        """Makes the topic a version: it takes no record any more. An error if it is not whole, or too much is in it."""
        if left := unread(self._bootstrap, source, group=version):
            raise ValueError(f"the version is not complete: topic={version} records of {source} left={left}")
        self.refuse_repeated(version)
        dataset, name = version.split(".")
        self._alter(version, {**KEPT, "headrace.version.of": dataset, "headrace.version.name": name})

    def refuse_repeated(self, version: str) -> None:
        """A process that hung, and was replaced, may come to life again and write what its successor has written."""
        ends: dict[int, int] = {}
        for message in read(self._bootstrap, version):
            source = trail(message)[-1]
            if source.offset <= ends.get(message.partition(), -1):
                raise ValueError(f"a record is there twice: topic={version} record={source}")
            ends[message.partition()] = source.offset

    def show(self, version: str) -> None:
        """Has ``clean.latest`` show the version, of the dataset ``clean``, to whom begins to read from now on."""
        alias = f"{version.split('.')[0]}.latest"
        configs = {"headrace.view.type": "alias", "headrace.view.current": version}
        if alias in self._admin.list_topics(timeout=WAIT_S).topics:
            self._alter(alias, configs)
        else:
            self.create(alias, configs)

    def shown(self, dataset: str) -> str:
        """The version that ``DATASET.latest`` shows."""
        return self._configs(f"{dataset}.latest")["headrace.view.current"]

    def create(self, topic: str, configs: Mapping[str, str]) -> None:
        new = NewTopic(topic, num_partitions=PARTITIONS, replication_factor=1, config=dict(configs))
        self._admin.create_topics([new])[topic].result(WAIT_S)

    def _alter(self, topic: str, configs: Mapping[str, str]) -> None:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, set_config=dict(configs))
        self._admin.alter_configs([resource])[resource].result(WAIT_S)

    def _configs(self, topic: str) -> dict[str, str]:
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
        found = self._admin.describe_configs([resource])[resource].result(WAIT_S)
        return {name: entry.value for name, entry in found.items()}
