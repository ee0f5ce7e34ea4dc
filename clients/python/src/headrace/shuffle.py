"""A shuffle that is a function of seed and epoch, and leaves every record in its partition.

The rows of each partition are cut into windows of `window` rows, and the rows of a window change
places. So a rank reads the same partitions, in the same sequential order, as without it; a sample's
position is still the same for any number of ranks; and what is needed to resume is one integer, the
epoch and the seed. It mixes as far as a window reaches: data that lies sorted by class wants a mix when
it is written, or a shuffle view in the server.

The places are drawn by Fisher and Yates' method (Durstenfeld, CACM 7:7, 1964) with SplitMix64 (Steele,
Lea, Flood, OOPSLA 2014) as its source, written out here, because the order must not depend on the
version of a library.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


@dataclass(frozen=True)
class Shuffle:
    """Which windows, and by which seed; a window of 0 leaves the order as it is."""

    window: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.window < 0:
            raise ValueError(f"shuffle_window={self.window}, must not be negative")

    def places(self, epoch: int, partition: int, window: int, length: int) -> Sequence[int]:
        """For each row of a window, which of its `length` rows stands there."""
        state = self.seed & _MASK
        for part in (epoch, partition, window):
            state = _mixed(state + _GOLDEN) ^ (part & _MASK)
        places = list(range(length))
        for last in range(length - 1, 0, -1):
            state = (state + _GOLDEN) & _MASK
            other = (_mixed(state) * (last + 1)) >> 64  # Lemire's reduction: no division, bias below 2^-32
            places[last], places[other] = places[other], places[last]
        return places


def _mixed(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
