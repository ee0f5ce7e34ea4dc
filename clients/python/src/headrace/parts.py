"""Samples of several parts: one record whose value is a MessagePack map of names to bytes.

The server writes fixed-width forms only, all of them big endian, so that a reader in any language is
ten lines:

    0xde  count:u16   then count times:  0xd9 length:u8 name   0xc6 length:u32 part

`decode` takes the other widths of MessagePack's map, str and bin as well, so that producers may use any
MessagePack library. A record header ``headrace.format`` of ``parts`` marks such a record.
"""

from __future__ import annotations

import struct
from typing import Mapping, Union

Buffer = Union[bytes, bytearray, memoryview]

FORMAT_HEADER = "headrace.format"
FORMAT = b"parts"


class PartsError(ValueError):
    """The value is no map of names to bytes; says what was found, and at which byte."""


_MAP = {0xDE: ">H", 0xDF: ">I"}
_NAME = {0xD9: ">B", 0xDA: ">H", 0xDB: ">I"}
_PART = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I"}


def decode(value: Buffer) -> dict[str, memoryview]:
    """The parts of a sample, in their order, as views of `value`: nothing is copied.

    Raises `PartsError` for anything but one whole map of distinct names to bytes.
    """
    data = memoryview(value).cast("B")
    count, at = _length(data, 0, _MAP, "map", fixed=(0x80, 0x0F))
    parts: dict[str, memoryview] = {}
    for _ in range(count):
        start = at
        name_bytes, at = _bytes(data, at, _NAME, "name", fixed=(0xA0, 0x1F))
        name = _text(name_bytes, start)
        if name in parts:
            raise PartsError(f"a name stands twice: name={name!r} at byte {start}")
        parts[name], at = _bytes(data, at, _PART, "part")
    if at != len(data):
        raise PartsError(f"{len(data) - at} bytes follow the last part, at byte {at}")
    return parts


def encode(parts: Mapping[str, Buffer]) -> bytes:
    """The value of a record with these parts, as the server writes it."""
    if len(parts) > 0xFFFF:
        raise PartsError(f"too many parts: count={len(parts)}, at most 65535")
    pieces: list[Buffer] = [struct.pack(">BH", 0xDE, len(parts))]
    for name, part in parts.items():
        name_bytes, length = name.encode(), memoryview(part).nbytes
        if len(name_bytes) > 0xFF or length > 0xFFFFFFFF:
            raise PartsError(f"name or part too long: name={name!r} part={length} bytes")
        pieces += (struct.pack(">BB", 0xD9, len(name_bytes)), name_bytes, struct.pack(">BI", 0xC6, length), part)
    return b"".join(pieces)


def _length(
    data: memoryview, at: int, widths: Mapping[int, str], what: str, fixed: tuple[int, int] | None = None
) -> tuple[int, int]:
    """A length that a type byte announces, and where what follows it begins."""
    if at >= len(data):
        raise PartsError(f"the value ends where a {what} should begin, at byte {at}")
    type_byte = data[at]
    if fixed is not None and type_byte & ~fixed[1] == fixed[0]:
        return type_byte & fixed[1], at + 1
    width = widths.get(type_byte)
    if width is None:
        raise PartsError(f"no {what}: type=0x{type_byte:02x} at byte {at}")
    end = at + 1 + struct.calcsize(width)
    if end > len(data):
        raise PartsError(f"the value ends within the length of a {what}, at byte {at}")
    (length,) = struct.unpack_from(width, data, at + 1)
    return length, end


def _bytes(
    data: memoryview, at: int, widths: Mapping[int, str], what: str, fixed: tuple[int, int] | None = None
) -> tuple[memoryview, int]:
    length, begin = _length(data, at, widths, what, fixed)
    if length > len(data) - begin:
        raise PartsError(f"a {what} is longer than what is left: length={length} left={len(data) - begin} at byte {at}")
    return data[begin : begin + length], begin + length


def _text(name: memoryview, at: int) -> str:
    try:
        return str(name, "utf-8")
    except UnicodeDecodeError as bad:
        raise PartsError(f"a name is not UTF-8, at byte {at}: {bad.reason}") from None
