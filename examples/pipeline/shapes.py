"""The dataset: small pictures of coloured shapes with captions, as they would lie in a bucket.

Two objects per sample: ``images/00042.png``, and ``captions/00042.txt`` with ``A Navy ring on the left``.
"""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image, ImageDraw

SAMPLES = 240
SIDE = 32
WHITE = (255, 255, 255)
COLOURS = {"amber": (255, 191, 0), "aqua": (0, 255, 255), "navy": (0, 0, 128), "red": (255, 0, 0)}
SHAPES = ("disc", "ring", "square")
MARGIN = 4
EMPTY_EVERY = 20  # captions that somebody forgot to write


def write(folder: Path) -> None:
    chance = random.Random(0)
    for name in ("images", "captions"):
        (folder / name).mkdir(parents=True)
    for number in range(SAMPLES):
        colour, shape, side = chance.choice(list(COLOURS)), chance.choice(SHAPES), chance.choice(("left", "right"))
        article = "an" if colour[0] == "a" else "a"
        caption = f"{article} {colour} {shape} on the {side}"
        caption = chance.choice((caption, caption.capitalize(), caption.title(), f" {caption} "))
        draw(colour, shape, side).save(folder / "images" / f"{number:05}.png")
        (folder / "captions" / f"{number:05}.txt").write_text("" if number % EMPTY_EVERY == 0 else caption)


def draw(colour: str, shape: str, side: str) -> Image.Image:
    image = Image.new("RGB", (SIDE, SIDE), WHITE)
    left = 0 if side == "left" else SIDE // 2
    size = SIDE // 2 - 2 * MARGIN
    box = (left + MARGIN, SIDE // 2 - size // 2, left + MARGIN + size, SIDE // 2 + size // 2)
    pen = ImageDraw.Draw(image)
    if shape == "square":
        pen.rectangle(box, fill=COLOURS[colour])
    elif shape == "disc":
        pen.ellipse(box, fill=COLOURS[colour])
    else:
        pen.ellipse(box, outline=COLOURS[colour], width=2)
    return image


def with_caption() -> list[str]:
    """Keys of the samples that have one."""
    return [f"{number:05}" for number in range(SAMPLES) if number % EMPTY_EVERY != 0]
