"""Which record is sample n of an epoch, and who reads it.

**The global order.** An epoch is the records that a topic held when the epoch's extent was taken:
of each partition p the offsets ``begin[p] .. end[p]``. Row i of the epoch is the i-th record of each
partition that has one, in the order of the partitions; the epoch is row 0, row 1, and so on. With P
partitions of the same length, sample n is record ``n // P`` of partition ``n % P``. With partitions
of different lengths the rows get narrower as partitions end (`RoundRobin`), and nothing else changes.
So a sample's *position* n depends on the topic alone: not on how many ranks read, how many workers
each has, in which batches, or how fast the brokers answered. (A source topic of format ``files`` puts
object n into partition ``n % P``: there the global order is the order of the listing.)

**The share.** What is left of an epoch is the sequence of the positions not consumed yet, in their
order (`Remaining`). Its k-th element goes to rank ``k % W`` of W. So the first n samples that W ranks
consume in step are the first n of the sequence, whatever W is, and **a checkpoint is one integer**.
After a restart with another number of ranks the same rule deals out what is left. If W divides P,
and the partitions are equally long, each rank reads P/W partitions that nobody else reads. If it
does not, the result is the same, but ranks share partitions and each skips what is not its own:
choose P as a multiple of the world sizes that are to come (24, 48, 120 ...).

**Workers.** A rank's sequence is dealt to its N workers in blocks (`Share.block`): block b goes to
worker ``b % N``. A block of 1 lets each worker read partitions of its own (if W*N divides P). A block
of the loader's batch size makes batch b of the rank the b-th stretch of the rank's sequence, so that
*every global step* consists of the same samples for any W and N with the same global batch; the price
is that each worker reads all partitions of its rank.

**When the consumed samples are no prefix.** After a number of batches that N does not divide, some
workers are a batch ahead of others; without a barrier, so are ranks. Then the consumed positions are
a prefix and some intervals behind it (`Done`), and the remaining sequence has gaps there. Nothing else
has to be known to go on, with any number of ranks and workers.

**The tail.** W ranks share m samples and W need not divide m. ``drop`` leaves the last ``m % W`` out,
``pad`` gives the ranks that would come short one of the first of the remaining samples again, ``keep``
lets ranks differ by one sample. With drop and pad each rank's workers get the same numbers of samples
on every rank, hence the same number of batches of the same sizes: no rank waits for a gradient that
never comes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import Iterable, Iterator, Literal, Sequence

Tail = Literal["drop", "pad", "keep"]
TAILS: tuple[Tail, ...] = ("drop", "pad", "keep")

Interval = tuple[int, int]
"""Positions from the first number up to, not including, the second."""


@dataclass(frozen=True)
class Band:
    """Rows that have the same partitions: position ``start + i`` is in row ``row + i // len(partitions)``."""

    start: int
    stop: int
    row: int
    partitions: tuple[int, ...]

    def locate(self, position: int) -> tuple[int, int]:
        """The partition of a position in this band, and the row in it."""
        rows, column = divmod(position - self.start, len(self.partitions))
        return self.partitions[column], self.row + rows


class RoundRobin:
    """The global order over partitions that have `counts` records: position -> (partition, row)."""

    def __init__(self, counts: Sequence[int]) -> None:
        self.bands: tuple[Band, ...] = tuple(_bands(counts))
        self.total = sum(counts)
        self._starts = [band.start for band in self.bands]

    def band(self, position: int) -> Band:
        if not 0 <= position < self.total:
            raise IndexError(f"no such position in the epoch: position={position} total={self.total}")
        return self.bands[bisect_right(self._starts, position) - 1]

    def locate(self, position: int) -> tuple[int, int]:
        return self.band(position).locate(position)

    def by_band(self, positions: range) -> Iterator[tuple[Band, range]]:
        """Ascending positions, cut where a band ends."""
        while positions:
            band = self.band(positions[0])
            here = len(range(positions[0], min(positions[-1] + 1, band.stop), positions.step))
            yield band, positions[:here]
            positions = positions[here:]


def _bands(counts: Sequence[int]) -> Iterator[Band]:
    start = row = 0
    for count in sorted(set(counts)):
        partitions = tuple(p for p, held in enumerate(counts) if held >= count)
        stop = start + (count - row) * len(partitions)
        if stop > start:
            yield Band(start, stop, row, partitions)
        start, row = stop, count


@dataclass(frozen=True)
class Done:
    """The consumed positions of an epoch: ``0 .. consumed``, and intervals ahead of them."""

    consumed: int = 0
    ahead: tuple[Interval, ...] = ()

    @staticmethod
    def of(intervals: Iterable[Interval]) -> Done:
        """From intervals in any order; they may touch and overlap."""
        merged: list[Interval] = []
        for start, stop in sorted(intervals):
            if start >= stop:
                continue
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
            else:
                merged.append((start, stop))
        if merged and merged[0][0] == 0:
            return Done(merged[0][1], tuple(merged[1:]))
        return Done(0, tuple(merged))

    def intervals(self) -> tuple[Interval, ...]:
        return ((0, self.consumed), *self.ahead) if self.consumed else self.ahead

    @property
    def samples(self) -> int:
        return self.consumed + sum(stop - start for start, stop in self.ahead)


class Remaining:
    """The positions of an epoch that are not done, ascending; ``self[k]`` takes O(log gaps)."""

    def __init__(self, total: int, done: Done) -> None:
        self._gaps = [gap for gap in _gaps(total, done) if gap[0] < gap[1]]
        self._before = [0, *accumulate(stop - start for start, stop in self._gaps)]

    def __len__(self) -> int:
        return self._before[-1]

    def __getitem__(self, index: int) -> int:
        if not 0 <= index < len(self):
            raise IndexError(index)
        gap = bisect_right(self._before, index) - 1
        return self._gaps[gap][0] + index - self._before[gap]

    def positions(self, indexes: range) -> Iterator[range]:
        """The positions at ascending indexes, all below the length."""
        while indexes:
            gap = bisect_right(self._before, indexes[0]) - 1
            shift = self._gaps[gap][0] - self._before[gap]
            here = len(range(indexes[0], min(indexes[-1] + 1, self._before[gap + 1]), indexes.step))
            yield range(indexes[0] + shift, indexes[here - 1] + shift + 1, indexes.step)
            indexes = indexes[here:]

    def first(self, count: int) -> Iterator[Interval]:
        """The first `count` positions, as intervals."""
        for start, stop in self._gaps:
            if count <= 0:
                return
            yield start, min(stop, start + count)
            count -= stop - start


def _gaps(total: int, done: Done) -> Iterator[Interval]:
    end = 0
    for start, stop in done.intervals():
        if stop > total:
            raise ValueError(f"the epoch has fewer samples than were consumed: total={total} consumed={stop}")
        yield end, start
        end = stop
    yield end, total


@dataclass(frozen=True)
class Share:
    """How a sequence is dealt to `world_size` ranks with `workers` workers each."""

    world_size: int
    workers: int = 1
    block: int = 1
    tail: Tail = "drop"

    def __post_init__(self) -> None:
        for name in ("world_size", "workers", "block"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}, must be at least 1")
        if self.tail not in TAILS:
            raise ValueError(f"tail={self.tail!r}, must be one of {', '.join(TAILS)}")

    def rank_samples(self, rank: int, left: int) -> int:
        """How many of `left` samples rank `rank` gets; the same for every rank unless the tail is kept."""
        if self.tail == "drop":
            return left // self.world_size
        if self.tail == "pad":
            return -(-left // self.world_size)
        return max(0, -(-(left - rank) // self.world_size))

    def worker_samples(self, rank: int, worker: int, left: int) -> int:
        cycles, rest = divmod(self.rank_samples(rank, left), self.workers * self.block)
        return cycles * self.block + min(self.block, max(0, rest - worker * self.block))

    def batches(self, rank: int, left: int, batch_size: int, drop_last: bool) -> int:
        """How many batches of `batch_size` the workers of a rank make of `left` samples."""
        samples = (self.worker_samples(rank, worker, left) for worker in range(self.workers))
        return sum(count // batch_size if drop_last else -(-count // batch_size) for count in samples)

    def index(self, rank: int, worker: int, j: int) -> int:
        """Where in the sequence the j-th sample of a worker is. Ascends with j."""
        block, within = divmod(j, self.block)
        return ((block * self.workers + worker) * self.block + within) * self.world_size + rank

    def done(self, remaining: Remaining, before: Done, taken: Sequence[Sequence[int]]) -> Done:
        """What is done once worker w of rank r has taken ``taken[r][w]`` samples of `remaining`."""
        slots = [(r, w, count) for r, counts in enumerate(taken) for w, count in enumerate(counts)]
        left = len(remaining)
        prefix = min((self._prefix(r, w, count, left) for r, w, count in slots), default=0)
        intervals = [*before.intervals(), *remaining.first(prefix)]
        for rank, worker, count in slots:
            intervals += self._beyond(remaining, prefix, rank, worker, count)
        return Done.of(intervals)

    def _prefix(self, rank: int, worker: int, count: int, left: int) -> int:
        """Up to where this worker has left nothing of its own."""
        return left if count >= self.worker_samples(rank, worker, left) else self.index(rank, worker, count)

    def _beyond(self, remaining: Remaining, prefix: int, rank: int, worker: int, count: int) -> Iterator[Interval]:
        for j in range(count - 1, -1, -1):
            index = self.index(rank, worker, j)
            if index < prefix:
                return
            if index < len(remaining):  # else it was a padded sample, which is another one's repetition
                yield remaining[index], remaining[index] + 1


class WorkerShare:
    """What one worker of one rank reads: positions, ascending, and then some again (`padding`).

    `taken` of them are left out at the beginning: the worker has had them.
    """

    def __init__(self, remaining: Remaining, share: Share, rank: int, worker: int, taken: int = 0) -> None:
        left = len(remaining)
        count = share.worker_samples(rank, worker, left)
        own = count - 1 if count and share.index(rank, worker, count - 1) >= left else count
        self._remaining = remaining
        self._share = share
        self._rank = rank
        self._worker = worker
        self._taken = taken
        self._own = own
        padded = range(max(own, taken), count)
        self.padding = [remaining[(share.index(rank, worker, j) - left) % left] for j in padded]

    def ranges(self) -> Iterator[range]:
        for indexes in self._indexes():
            yield from self._remaining.positions(indexes)

    def _indexes(self) -> Iterator[range]:
        share, rank, worker = self._share, self._rank, self._worker
        j = self._taken
        if share.block == 1:
            first = share.index(rank, worker, j)
            step = share.world_size * share.workers
            yield range(first, first + (self._own - j) * step, step)
            return
        while j < self._own:
            first = share.index(rank, worker, j)
            length = min(share.block - j % share.block, self._own - j)
            yield range(first, first + length * share.world_size, share.world_size)
            j += length
