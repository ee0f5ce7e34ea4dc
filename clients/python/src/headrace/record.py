"""One sample as it came from the topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)  # not frozen: that makes three times as much work of each record
class Record:
    """A record, and where in its epoch it stands (`position`; -1 where a group deals the records out)."""

    value: bytes
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    partition: int
    offset: int
    position: int = -1

    @staticmethod
    def of(message: Any, position: int = -1) -> Record:
        """From a message of confluent-kafka. An absent value reads as empty."""
        return Record(
            message.value() or b"",
            message.key(),
            tuple(message.headers() or ()),
            message.partition(),
            message.offset(),
            position,
        )

    def header(self, name: str) -> bytes | None:
        """The last header of that name, which is the one that counts in Kafka."""
        return next((value for key, value in reversed(self.headers) if key == name), None)
