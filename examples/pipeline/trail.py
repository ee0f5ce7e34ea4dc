"""The trail of a record: one header for each stage that it has gone through, after the headers that it came with.

    headrace.object: images/00042.png        from the server: an object that it is made of,
    headrace.range: 0-155                    which bytes of it,
    headrace.version: 155-17957...           and of which version of it; then the same of the caption
    pipeline.made: {"made": "clean.v2", "from": "raw", "partition": 0, "offset": 21}
    pipeline.made: {"made": "augmented.v2", "from": "clean.v2", "partition": 0, "offset": 19}
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from confluent_kafka import Message

HEADER = "pipeline.made"
OBJECT = "headrace.object"

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True)
class Made:
    """Which version a stage made, and of which record."""

    made: str
    source: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.made} <- {self.source} {self.partition}:{self.offset}"


def extended(message: Message, made: str) -> Headers:
    """The headers of what is made of the message: those that it has, and where it was."""
    step = {"made": made, "from": message.topic(), "partition": message.partition(), "offset": message.offset()}
    return [*(message.headers() or []), (HEADER, json.dumps(step).encode())]


def trail(message: Message) -> list[Made]:
    """The stages that the record has gone through, the newest last."""
    found = (json.loads(value) for name, value in message.headers() or [] if name == HEADER)
    return [Made(it["made"], it["from"], it["partition"], it["offset"]) for it in found]


def objects(message: Message) -> tuple[str, ...]:
    """Keys of the objects in the bucket that the record is made of."""
    return tuple(value.decode() for name, value in message.headers() or [] if name == OBJECT)
