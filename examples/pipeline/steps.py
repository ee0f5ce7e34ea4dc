"""What the stages do to a sample: a function of its parts, that gives the parts of the new one, or None to drop it.

Each gives the same result for the same sample, whenever it is called: a stage that was killed does some of them again.
"""

from __future__ import annotations

import io
import json
from typing import Callable, Mapping

from PIL import Image

Parts = Mapping[str, bytes]
Step = Callable[[Parts], "Parts | None"]


def clean_with_a_bug(sample: Parts) -> Parts | None:
    """As `clean`, but lstrip takes letters and not a prefix: of "an amber disc" it leaves "mber disc"."""
    caption = sample["txt"].decode().strip().lower()
    return {**sample, "txt": caption.lstrip("an ").encode()} if caption else None


def clean(sample: Parts) -> Parts | None:
    """Captions in lower case and without an article; samples that have none are dropped."""
    caption = sample["txt"].decode().strip().lower()
    return {**sample, "txt": caption.removeprefix("an ").removeprefix("a ").encode()} if caption else None


def augment(sample: Parts) -> Parts:
    """Crops the image to the half that has something in it; the caption does not say any more which one it was."""
    caption, side = sample["txt"].decode().rsplit(" on the ", 1)
    image = Image.open(io.BytesIO(sample["png"]))
    left = 0 if side == "left" else image.width // 2
    cropped = io.BytesIO()
    image.crop((left, 0, left + image.width // 2, image.height)).save(cropped, "PNG")
    return {**sample, "png": cropped.getvalue(), "txt": caption.encode()}


def words(sample: Parts) -> Parts:
    """A tokenizer: what is between spaces."""
    return {"tokens": json.dumps(sample["txt"].decode().split()).encode()}


def pieces(sample: Parts) -> Parts:
    """Another tokenizer: pieces of words, of at most three letters."""
    found = (word[at : at + 3] for word in sample["txt"].decode().split() for at in range(0, len(word), 3))
    return {"tokens": json.dumps(list(found)).encode()}


STEPS: dict[str, Step] = {step.__name__: step for step in (clean_with_a_bug, clean, augment, words, pieces)}
