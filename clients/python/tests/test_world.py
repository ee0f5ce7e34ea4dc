"""Several processes as ranks, which meet at a barrier after every step, as DDP does; without torch."""

from __future__ import annotations

import json
import multiprocessing
import sys
from collections import Counter
from itertools import islice

import pytest

if multiprocessing.parent_process() is not None:
    sys.modules["torch"] = None  # type: ignore[assignment]  # the ranks run as on a machine that has none

from headrace import HeadraceDataset, HeadraceLoader  # noqa: E402

COUNT, PARTITIONS, BATCH = 250, 6, 4
BARRIER_S = 60


def number(record):
    return int(record.value)


@pytest.fixture(scope="module")
def topic(server):
    return server.files([b"%d" % n for n in range(COUNT)], PARTITIONS)


def _rank(bootstrap, topic, rank, world_size, options, state, steps, barrier, results):
    """Trains an epoch, or so many steps of it; reports its batches and its last state."""
    dataset = HeadraceDataset(
        topic, bootstrap, decode=number, rank=rank, world_size=world_size, settle_s=0, stall_timeout_s=30, **options
    )
    loader = HeadraceLoader(dataset, BATCH, collate_fn=list)
    if state is not None:
        loader.load_state_dict(state)
    batches = []
    for batch in islice(loader, steps):
        barrier.wait(BARRIER_S)  # a rank with a step more than another would break it
        batches.append(batch)
        state = loader.state_dict()
    results.put((rank, batches, json.loads(json.dumps(state))))


def train(server, topic, world_size, state=None, steps=None, **options):
    """The batches of each rank, and rank 0's state."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(world_size), context.Queue()
    processes = [
        context.Process(
            target=_rank,
            args=(server.bootstrap, topic, rank, world_size, options, state, steps, barrier, results),
        )
        for rank in range(world_size)
    ]
    for process in processes:
        process.start()
    reports = sorted(results.get(timeout=BARRIER_S) for _ in processes)
    for process in processes:
        process.join(BARRIER_S)
        assert process.exitcode == 0
    return [batches for _, batches, _ in reports], reports[0][2]


def sizes(batches):
    return [len(batch) for batch in batches]


@pytest.mark.parametrize("world_size", [2, 3])
@pytest.mark.parametrize("tail", ["drop", "pad"])
def test_all_ranks_take_equal_steps_and_see_everything(server, topic, world_size, tail):
    batches, _ = train(server, topic, world_size, tail=tail)
    assert len({tuple(sizes(each)) for each in batches}) == 1
    seen = Counter(sample for each in batches for batch in each for sample in batch)
    rest = COUNT % world_size
    if tail == "drop":
        assert seen == Counter(range(COUNT - rest))
    else:
        assert seen == Counter(range(COUNT)) + Counter(range(-COUNT % world_size))


def test_a_world_of_three_goes_on_where_a_world_of_two_stopped(server, topic):
    first, state = train(server, topic, 2, steps=7)
    assert state["consumed"] == 2 * 7 * BATCH and state["ahead"] == []
    rest, state = train(server, topic, 3, state=state)
    seen = [sample for each in first + rest for batch in each for sample in batch]
    left = COUNT - 2 * 7 * BATCH
    assert sorted(seen) == list(range(COUNT - left % 3))
    assert (state["epoch"], state["consumed"]) == (1, 0)
