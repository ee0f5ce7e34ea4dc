"""Decoding hooks, on records made by hand."""

from __future__ import annotations

import io
import pickle

import pytest

from headrace import Image, Parts, Record, Tokens, Value, by_header, json, parts, raw, text

MARK = (("headrace.format", b"parts"),)


def record(value, headers=()):
    return Record(value, None, headers, partition=2, offset=7)


def test_text_json_and_raw():
    assert Value(text)(record("größe".encode())) == "größe"
    assert Value(json)(record(b'{"a": 1}')) == {"a": 1}
    assert Value(raw)(record(b"\x00\x01")) == b"\x00\x01"
    with pytest.raises(UnicodeDecodeError):
        Value(text)(record(b"\xff"))


def test_tokens():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    tokens = Value(Tokens("<u2"))(record(b"\x01\x00\xff\xff"))
    assert tokens.dtype == numpy.int64 and list(tokens) == [1, 65535]
    tokens += 1  # a copy of its own, which may be written
    with pytest.raises(ValueError):
        Value(Tokens("<u4"))(record(b"\x01\x00"))


def test_images():
    numpy = pytest.importorskip("numpy", reason="numpy is not installed")
    pillow = pytest.importorskip("PIL.Image", reason="python3-pil is not installed")
    out = io.BytesIO()
    pixels = numpy.arange(12, dtype="uint8").reshape(3, 4)
    pillow.fromarray(pixels).save(out, "PNG")
    assert (Value(Image("L"))(record(out.getvalue())) == pixels).all()
    assert Value(Image("RGB", size=(8, 2)))(record(out.getvalue())).shape == (2, 8, 3)


def test_parts_are_decoded_by_name_and_others_left_alone():
    sample = record(parts.encode({"txt": b"a dog", "jpg": b"\xff", "cls": b"3"}), MARK)
    assert Parts(txt=text, cls=json)(sample) == {"txt": "a dog", "cls": 3}
    assert Parts({"txt": text, "wav": raw}, optional=("wav",))(sample) == {"txt": "a dog"}
    with pytest.raises(KeyError, match="part=wav parts=txt,jpg,cls partition=2 offset=7"):
        Parts(wav=raw)(sample)


def test_the_header_decides():
    assert by_header(record(b"plain")) == b"plain"
    assert by_header(record(parts.encode({"a": b"x"}), MARK)) == {"a": b"x"}
    with pytest.raises(parts.PartsError):
        by_header(record(b"plain", MARK))


def test_the_last_header_of_a_name_counts():
    assert record(b"", (("a", b"1"), ("b", None), ("a", b"2"))).header("a") == b"2"
    assert record(b"").header("a") is None


@pytest.mark.parametrize("decode", [Value(text), Parts(a=raw), by_header, Value(Tokens())])
def test_decoders_can_be_sent_to_spawned_workers(decode):
    sample = record(parts.encode({"a": b"xy"}), MARK) if isinstance(decode, Parts) else record(b"ab")
    result, again = decode(sample), pickle.loads(pickle.dumps(decode))(sample)
    assert repr(again) == repr(result)
