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
        state = self.seed
        for part in (epoch, partition, window):
            state = derived(state, part)
        return permutation(length, state)


def derived(state: int, number: int) -> int:
    """A state of its own for each number."""
    return _mixed(state + _GOLDEN) ^ (number & _MASK)


def permutation(count: int, state: int) -> list[int]:
    """The numbers 0 to count - 1 in an order that follows from a state."""
    places = list(range(count))
    for last in range(count - 1, 0, -1):
        state = (state + _GOLDEN) & _MASK
        other = (_mixed(state) * (last + 1)) >> 64  # Lemire's reduction: no division, bias below 2^-32
        places[last], places[other] = places[other], places[last]
    return places


def view_order(
    units: Sequence[Sequence[int]],
    seed: int,
    window_blocks: int,
    epoch: int,
    first_epoch_units: int = 0,
) -> list[int]:
    """The order of an epoch of a shuffle view, as numbers of records in the source's linear order.

    `units` has the record counts of the blocks of each unit, in the order of the index, and the rest
    is what the view's configs of these names say. docs/design/shuffle.md specifies it; the server
    computes the same and does not use this.
    """
    first_records: list[list[int]] = []
    next_record = 0
    for unit in units:
        first_records.append([])
        for count in unit:
            first_records[-1].append(next_record)
            next_record += count
    state = derived(seed, epoch)
    length = len(units)
    if epoch == 0 and first_epoch_units > 0:
        state, length = derived(state, -3), first_epoch_units
    order: list[int] = []
    for run, start in enumerate(range(0, len(units), max(1, length))):
        run_state = derived(state, run) if epoch == 0 and first_epoch_units > 0 else state
        run_units = range(start, min(len(units), start + length))
        blocks = [
            (first, count)
            for place in permutation(len(run_units), derived(run_state, -1))
            for first, count in zip(first_records[run_units[place]], units[run_units[place]])
        ]
        for window in range(0, len(blocks), window_blocks):
            of_window = blocks[window : window + window_blocks]
            records = [first + i for first, count in of_window for i in range(count)]
            window_state = derived(run_state, window // window_blocks)
            order += [records[place] for place in permutation(len(records), window_state)]
    return order


def _mixed(value: int) -> int:
    value &= _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)
