"""The arithmetic of the order, without a server: against the definition written out plainly."""

from __future__ import annotations

import random
from itertools import zip_longest

import pytest

from headrace.order import Done, Remaining, RoundRobin, Share, WorkerShare
from headrace.shuffle import Shuffle, view_order


def plain_order(counts):
    """The definition: row by row, of each row the partitions that reach so far."""
    return [
        (partition, row)
        for row in range(max(counts, default=0))
        for partition, count in enumerate(counts)
        if row < count
    ]


def taken_by(share, remaining, rank, worker, before=0):
    part = WorkerShare(remaining, share, rank, worker, before)
    return [position for positions in part.ranges() for position in positions], part.padding


@pytest.fixture(params=range(20))
def rng(request):
    print(f"seed={request.param}")
    return random.Random(request.param)


def test_equal_partitions_are_dealt_round_robin():
    order = RoundRobin([5, 5, 5])
    assert [order.locate(n) for n in range(15)] == [(n % 3, n // 3) for n in range(15)]


def test_unequal_partitions_follow_the_definition(rng):
    counts = [rng.choice([0, 1, 7, rng.randrange(40)]) for _ in range(rng.randrange(1, 9))]
    order = RoundRobin(counts)
    assert [order.locate(n) for n in range(order.total)] == plain_order(counts)


def test_positions_outside_the_epoch_are_refused():
    with pytest.raises(IndexError):
        RoundRobin([2, 1]).locate(3)


def test_cutting_at_bands_loses_and_reorders_nothing(rng):
    counts = [rng.randrange(30) for _ in range(6)] + [30]
    order = RoundRobin(counts)
    positions = range(rng.randrange(10), order.total, rng.randrange(1, 9))
    cut = list(order.by_band(positions))
    assert [n for _, piece in cut for n in piece] == list(positions)
    assert all(band.start <= piece[0] and piece[-1] < band.stop for band, piece in cut)


def random_done(rng, total):
    return Done.of([(0, rng.randrange(total // 2))] + [
        (start, min(total, start + rng.randrange(5))) for start in rng.sample(range(total), 6)
    ])  # fmt: skip


def test_what_remains_is_what_is_not_done(rng):
    total = 200
    done = random_done(rng, total)
    consumed = {n for start, stop in done.intervals() for n in range(start, stop)}
    remaining = Remaining(total, done)
    expected = [n for n in range(total) if n not in consumed]
    assert [remaining[k] for k in range(len(remaining))] == expected
    indexes = range(rng.randrange(5), len(remaining), rng.randrange(1, 7))
    assert [n for piece in remaining.positions(indexes) for n in piece] == [expected[k] for k in indexes]
    assert done.samples == len(consumed)


@pytest.mark.parametrize("tail", ["drop", "pad", "keep"])
def test_the_shares_of_all_workers_are_the_whole_but_for_the_tail(rng, tail):
    total = rng.randrange(1, 400)
    share = Share(rng.randrange(1, 8), rng.randrange(1, 5), rng.choice([1, 2, 5, 16]), tail)
    done = random_done(rng, total) if total > 20 else Done()
    remaining = Remaining(total, done)
    left = [remaining[k] for k in range(len(remaining))]
    own, padding = [], []
    for rank in range(share.world_size):
        for worker in range(share.workers):
            positions, padded = taken_by(share, remaining, rank, worker)
            assert positions == sorted(positions)
            assert len(positions) + len(padded) == share.worker_samples(rank, worker, len(left))
            before = rng.randrange(len(positions) + len(padded) + 1)
            rest, rest_padded = taken_by(share, remaining, rank, worker, before)
            assert rest + rest_padded == (positions + padded)[before:]
            own += positions
            padding += padded
    rest = len(left) % share.world_size
    if tail == "drop":
        assert sorted(own) == left[: len(left) - rest] and not padding
    else:
        assert sorted(own) == left
        assert len(padding) == (-len(left) % share.world_size if tail == "pad" else 0)
        assert set(padding) <= set(left)


@pytest.mark.parametrize("tail", ["drop", "pad"])
def test_every_rank_makes_the_same_batches(rng, tail):
    share = Share(rng.randrange(2, 9), rng.randrange(1, 5), rng.choice([1, 3, 8]), tail)
    left = rng.randrange(300)
    for worker in range(share.workers):
        assert len({share.worker_samples(rank, worker, left) for rank in range(share.world_size)}) == 1
    for drop_last in (False, True):
        assert len({share.batches(rank, left, 8, drop_last) for rank in range(share.world_size)}) == 1


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_steps_in_unison_consume_a_prefix_whatever_the_ranks_and_workers(workers):
    """With blocks of a batch, global step t is positions t*G .. (t+1)*G for any world size."""
    total, global_batch = 480, 24
    remaining = Remaining(total, Done())
    for world_size in (1, 2, 3, 4, 6):
        batch = global_batch // world_size
        share = Share(world_size, workers, block=batch)
        steps = [set() for _ in range(total // global_batch)]
        for rank in range(world_size):
            batches = [[] for _ in steps]
            for worker in range(workers):
                positions, _ = taken_by(share, remaining, rank, worker)
                for number in range(0, len(positions), batch):
                    batches[worker + number // batch * workers] = positions[number : number + batch]
            for step, positions in zip_longest(steps, batches):
                step.update(positions)
        assert steps == [set(range(t * global_batch, (t + 1) * global_batch)) for t in range(len(steps))]


def test_what_is_done_follows_from_counts_alone(rng):
    total = 300
    before = random_done(rng, total)
    share = Share(rng.randrange(1, 6), rng.randrange(1, 4), rng.choice([1, 4]), "pad")
    remaining = Remaining(total, before)
    consumed = {n for start, stop in before.intervals() for n in range(start, stop)}
    taken = []
    for rank in range(share.world_size):
        taken.append([])
        for worker in range(share.workers):
            count = rng.randrange(share.worker_samples(rank, worker, len(remaining)) + 1)
            positions, padding = taken_by(share, remaining, rank, worker)
            consumed.update((positions + padding)[:count])
            taken[-1].append(count)
    done = share.done(remaining, before, taken)
    assert {n for start, stop in done.intervals() for n in range(start, stop)} >= consumed
    after = Remaining(total, done)
    # A padded sample repeats another worker's, which may be still to come: that one is not done by it.
    own = consumed - {n for r in range(share.world_size) for w in range(share.workers)
                      for n in taken_by(share, remaining, r, w)[1]}  # fmt: skip
    left = {after[k] for k in range(len(after))}
    assert not left & own
    assert left | consumed == set(range(total))


def test_a_prefix_is_one_integer():
    share = Share(world_size=4, workers=2)
    remaining = Remaining(1000, Done())
    assert share.done(remaining, Done(), [[50, 50]] * 4) == Done(400)
    assert share.done(remaining, Done(), [[50, 49]] * 4) == Done(396)
    assert share.done(remaining, Done(), [[51, 50]] * 4) == Done(404)
    assert share.done(remaining, Done(), [[52, 50]] * 4) == Done(404, ((408, 412),))


@pytest.mark.parametrize("bad", [dict(world_size=0), dict(world_size=1, block=0), dict(world_size=1, tail="cut")])
def test_bad_shares_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        Share(**bad)


def test_a_shuffled_window_is_a_permutation_that_depends_on_everything():
    def places(**change):
        at = dict(epoch=1, partition=2, window=3, length=100) | change
        return list(Shuffle(100, at.pop("seed", 7)).places(**at))

    assert sorted(places()) == list(range(100))
    assert places() == places()
    changed = [places(epoch=2), places(partition=3), places(window=4), places(seed=8)]
    assert all(other != places() for other in changed)
    assert len({tuple(other) for other in changed}) == 4


def test_the_shuffle_is_the_same_for_ever():
    """Written into checkpoints by its seed alone, so it may not change between versions."""
    assert list(Shuffle(8, 42).places(epoch=0, partition=0, window=0, length=8)) == [0, 2, 4, 5, 7, 1, 3, 6]


def test_the_order_of_a_shuffle_view_is_what_the_server_makes_of_it():
    """The same values as in the server's PermutationTest and FirstRunsTest."""
    units = [[3], [2, 2], [1], [4]]
    assert view_order(units, 5, 2, 0) == [3, 4, 6, 5, 11, 9, 8, 0, 10, 1, 2, 7]
    assert view_order(units, 5, 2, 1) == [3, 4, 9, 10, 8, 11, 6, 5, 7, 2, 1, 0]
    assert view_order(units, -9, 3, 2) == [11, 8, 7, 0, 1, 10, 2, 9, 4, 3, 5, 6]
    more = [*units, [2], [1, 1, 1], [2]]
    expected = [7, 1, 0, 2, 6, 5, 3, 4, 10, 9, 12, 8, 13, 11, 14, 15, 16, 17, 18]
    assert view_order(more, 5, 2, 0, first_epoch_units=3) == expected
    assert view_order(more, 5, 2, 0, first_epoch_units=7) == view_order(more, 5, 2, 0, first_epoch_units=99)
    assert view_order(more, 5, 2, 1, first_epoch_units=3) == view_order(more, 5, 2, 1)
