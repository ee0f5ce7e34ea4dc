"""A training that reads whatever version ``augmented.latest`` shows when it begins, and that one to its end."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Any, Callable

import msgpack
import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from PIL import Image

from reading import checked
from trail import Made, objects, trail
from versions import PARTITIONS

TOPIC, GROUP = "augmented.latest", "train"
POLL_S, WAIT_S = 0.05, 60.0
WHITE = 255


@dataclass(frozen=True)
class Seen:
    """A record that it was trained on."""

    worker: int
    key: str
    objects: tuple[str, ...]
    trail: tuple[Made, ...]

    @property
    def version(self) -> str:
        return self.trail[-1].made


class Model:
    """Learns what a word looks like: the mean colour of what is not white in the images that the word begins."""

    def __init__(self) -> None:
        self._colours: dict[str, list[Any]] = {}

    def learn(self, word: str, png: bytes) -> None:
        pixels = np.asarray(Image.open(io.BytesIO(png))).reshape(-1, 3)
        coloured = pixels[(pixels != WHITE).any(axis=1)]
        self._colours.setdefault(word, []).append(coloured.mean(axis=0))

    def colours(self) -> dict[str, tuple[int, ...]]:
        return {word: tuple(np.mean(seen, axis=0).round().astype(int)) for word, seen in self._colours.items()}


class Run:
    """One run of the training: members of the group, from when the first one joins until the last one has left."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._workers: list[Consumer] = []
        self._ended: set[int] = set()
        self.model = Model()
        self.seen: list[Seen] = []
        self.join()

    def join(self) -> None:
        """One more worker; returns when the others share the partitions with it."""
        worker = Consumer({
            "bootstrap.servers": self._bootstrap,
            "group.id": GROUP,
            "client.id": f"{GROUP}-{len(self._workers)}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "heartbeat.interval.ms": 500,  # how soon a worker hears that another one has joined
        })  # fmt: skip
        worker.subscribe([TOPIC], on_revoke=lambda revoked_from, _: commit(revoked_from))
        self._workers.append(worker)
        self._learn_until(lambda: bool(worker.assignment()))

    def train(self, records: int = 2**62) -> None:
        """Trains on so many records more, or on all that are left."""
        last = len(self.seen) + records
        self._learn_until(lambda: len(self.seen) >= last or len(self._ended) == PARTITIONS)
        for worker in self._workers:
            commit(worker)

    def end(self) -> None:
        for worker in self._workers:
            worker.close()

    def _learn_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not there in time: topic={TOPIC} timeout_s={WAIT_S}")
            for number, worker in enumerate(self._workers):
                message = worker.poll(POLL_S)
                if message is not None and checked(message):
                    self._learn(message, number)
                elif message is not None:
                    self._ended.add(message.partition())

    def _learn(self, message: Message, worker: int) -> None:
        sample = msgpack.unpackb(message.value())
        word = sample["txt"].decode().split()[0]
        self.model.learn(word, sample["png"])
        self.seen.append(Seen(worker, message.key().decode(), objects(message), tuple(trail(message))))


def commit(worker: Consumer) -> None:
    """What it was given, before another one gets what follows."""
    try:
        worker.commit(asynchronous=False)
    except KafkaException as e:
        if e.args[0].code() != KafkaError._NO_OFFSET:  # it was given nothing
            raise
