"""The multi-part encoding: what is accepted, and that nothing bad is."""

from __future__ import annotations

import random
import struct

import pytest

from headrace import parts
from headrace.parts import PartsError

SAMPLE = {"jpg": b"\xff\xd8" + bytes(300), "txt": "ein Hund".encode(), "größe": b"", "json": b"{}"}


def test_what_was_encoded_is_decoded_in_its_order():
    decoded = parts.decode(parts.encode(SAMPLE))
    assert list(decoded) == list(SAMPLE)
    assert {name: bytes(part) for name, part in decoded.items()} == SAMPLE


def test_the_encoding_is_the_documented_bytes():
    assert parts.encode({"a": b"xyz"}) == b"\xde\x00\x01" + b"\xd9\x01a" + b"\xc6\x00\x00\x00\x03xyz"
    assert parts.encode({}) == b"\xde\x00\x00"


def test_parts_are_views_of_the_value():
    value = bytearray(parts.encode({"a": b"xyz"}))
    view = parts.decode(value)["a"]
    value[-1:] = b"!"
    assert view == b"xy!"


def test_a_messagepack_library_reads_it_and_is_read():
    msgpack = pytest.importorskip("msgpack", reason="python3-msgpack is not installed")
    assert msgpack.unpackb(parts.encode(SAMPLE)) == SAMPLE
    large = {f"part-{n}": bytes(70_000 if n == 3 else n) for n in range(20)} | {"n" * 300: b"x"}
    for sample in (SAMPLE, large, {}):
        packed = msgpack.packb(sample)
        assert {name: bytes(part) for name, part in parts.decode(packed).items()} == sample


@pytest.mark.parametrize("head", [b"\x81", b"\xde\x00\x01", b"\xdf\x00\x00\x00\x01"])
@pytest.mark.parametrize("name", [b"\xa1a", b"\xd9\x01a", b"\xda\x00\x01a", b"\xdb\x00\x00\x00\x01a"])
@pytest.mark.parametrize("part", [b"\xc4\x01x", b"\xc5\x00\x01x", b"\xc6\x00\x00\x00\x01x"])
def test_every_width_is_read(head, name, part):
    assert parts.decode(head + name + part) == {"a": b"x"}


@pytest.mark.parametrize(
    "value, complaint",
    [
        (b"", "ends where a map should begin, at byte 0"),
        (b"\xde\x00", "ends within the length of a map, at byte 0"),
        (b"\x90", "no map: type=0x90 at byte 0"),
        (b"\x81", "ends where a name should begin, at byte 1"),
        (b"\x81\x01", "no name: type=0x01 at byte 1"),
        (b"\x81\xa5ab", "name is longer than what is left: length=5 left=2 at byte 1"),
        (b"\x81\xa1a", "ends where a part should begin, at byte 3"),
        (b"\x81\xa1a\xa1x", "no part: type=0xa1 at byte 3"),
        (b"\x81\xa1a\xc6\xff\xff\xff\xffx", "part is longer than what is left: length=4294967295 left=1 at byte 3"),
        (b"\x81\xa1a\xc6\x00\x00", "ends within the length of a part, at byte 3"),
        (b"\x81\xa1\xff\xc4\x00", "not UTF-8, at byte 1"),
        (b"\x82\xa1a\xc4\x00\xa1a\xc4\x00", "stands twice: name='a' at byte 5"),
        (b"\x80\x00", "1 bytes follow the last part, at byte 1"),
        (b"\xdf\xff\xff\xff\xff", "ends where a name should begin, at byte 5"),
    ],
)
def test_bad_values_are_refused_by_byte(value, complaint):
    with pytest.raises(PartsError, match=complaint):
        parts.decode(value)


@pytest.mark.parametrize("seed", range(10))
def test_damaged_values_never_do_anything_but_decode_or_complain(seed):
    rng = random.Random(seed)
    value = parts.encode(SAMPLE)
    for _ in range(2000):
        damaged = bytearray(value[: rng.randrange(len(value) + 1)] if rng.random() < 0.5 else value)
        for _ in range(rng.randrange(4)):
            if damaged:
                damaged[rng.randrange(min(len(damaged), 40))] = rng.randrange(256)
        try:
            decoded = parts.decode(damaged)
        except PartsError:
            continue
        # What is accepted is wholly accounted for: lengths of names, parts and framing fill the value.
        assert sum(len(name.encode()) + part.nbytes for name, part in decoded.items()) < len(damaged)


@pytest.mark.parametrize("seed", range(5))
def test_every_proper_prefix_is_refused(seed):
    rng = random.Random(seed)
    sample = {f"{n}": rng.randbytes(rng.randrange(40)) for n in range(1, 6)}
    value = parts.encode(sample)
    for length in range(len(value)):
        with pytest.raises(PartsError):
            parts.decode(value[:length])


def test_what_cannot_be_encoded_is_refused():
    with pytest.raises(PartsError, match="too long"):
        parts.encode({"n" * 256: b""})
    with pytest.raises(PartsError, match="count=65536"):
        parts.encode({str(n): b"" for n in range(65536)})


def test_the_ten_line_reader_of_the_readme_reads_it():
    def read(value):
        at, found = 3, {}
        for _ in range(struct.unpack_from(">H", value, 1)[0]):
            name_end = at + 2 + value[at + 1]
            name = value[at + 2 : name_end].decode()
            end = name_end + 5 + struct.unpack_from(">I", value, name_end + 1)[0]
            found[name] = value[name_end + 5 : end]
            at = end
        return found

    assert read(parts.encode(SAMPLE)) == SAMPLE
