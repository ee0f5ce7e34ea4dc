"""From a record to what a model takes.

A dataset's `decode` is any function of a `Record`. `Value` and `Parts` build one out of functions of
bytes: ``decode=Value(text)``, ``decode=Parts(jpg=Image("RGB"), txt=text)``. All of them can be pickled,
so that workers may be spawned as well as forked.
"""

from __future__ import annotations

import io
import json as _json
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from headrace import parts as _parts
from headrace.record import Record

Field = Callable[[_parts.Buffer], Any]
"""Decodes the bytes of one part."""


def raw(data: _parts.Buffer) -> bytes:
    """The bytes as they are, copied out of the record."""
    return bytes(data)


def text(data: _parts.Buffer) -> str:
    """UTF-8."""
    return str(data, "utf-8")


def json(data: _parts.Buffer) -> Any:
    return _json.loads(bytes(data))


@dataclass(frozen=True)
class Tokens:
    """Token ids as they lie in a shard: a numpy array of one dimension, a copy of its own.

    `dtype` is numpy's name; ``<u2`` is two bytes, little endian. torch takes no unsigned ids wider
    than a byte, so `as_dtype` converts.
    """

    dtype: str = "<u2"
    as_dtype: str = "int64"

    def __call__(self, data: _parts.Buffer) -> Any:
        import numpy

        return numpy.frombuffer(data, dtype=self.dtype).astype(self.as_dtype)


@dataclass(frozen=True)
class Image:
    """An image in any format that Pillow reads: a numpy array of height, width and, but for mode L, channels.

    `size` is (width, height), to scale all images alike so that they can be stacked.
    """

    mode: str = "RGB"
    size: tuple[int, int] | None = None

    def __call__(self, data: _parts.Buffer) -> Any:
        import numpy
        from PIL import Image as pillow

        with pillow.open(io.BytesIO(data)) as image:
            converted = image.convert(self.mode)
            return numpy.array(converted.resize(self.size) if self.size else converted)


@dataclass(frozen=True)
class Value:
    """Decodes a record's whole value."""

    field: Field

    def __call__(self, record: Record) -> Any:
        return self.field(record.value)


class Parts:
    """Decodes the named parts of a multi-part record; other parts are left alone.

    A sample that lacks a part is a `KeyError` that names it, unless `optional` names the part: then it
    is absent from the result.
    """

    def __init__(self, fields: Mapping[str, Field] | None = None, optional: tuple[str, ...] = (), **named: Field):
        self.fields = {**(fields or {}), **named}
        self.optional = frozenset(optional)

    def __call__(self, record: Record) -> dict[str, Any]:
        parts = _parts.decode(record.value)
        sample = {}
        for name, field in self.fields.items():
            if name in parts:
                sample[name] = field(parts[name])
            elif name not in self.optional:
                raise KeyError(
                    f"the sample has no such part: part={name} parts={','.join(parts)} "
                    f"partition={record.partition} offset={record.offset}"
                )
        return sample


def by_header(record: Record) -> bytes | dict[str, bytes]:
    """Bytes, or a dict of bytes where the record's header says that it has parts. A dataset's default."""
    if record.header(_parts.FORMAT_HEADER) == _parts.FORMAT:
        return {name: bytes(part) for name, part in _parts.decode(record.value).items()}
    return record.value
