"""The state of a dataset within the workers of a DataLoader, as torchdata's StatefulDataLoader uses it.

Debian has no torchdata. What its workers do (``torchdata/stateful_dataloader/worker.py``, 0.11) is done here with
the hooks of torch's own DataLoader: a state is loaded before the iterator is made, and asked for behind each
batch. Where torchdata is importable its own loader has to pass the same tests.
"""

from __future__ import annotations

import json
from itertools import islice

import pytest

from headrace import HeadraceDataset

torch = pytest.importorskip("torch", reason="no torch: apt-get install python3-torch, or pip install torch")

from torch.utils.data import DataLoader, default_collate, get_worker_info  # noqa: E402

try:
    from torchdata.stateful_dataloader import StatefulDataLoader
except ImportError:
    StatefulDataLoader = None

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores, on purpose

COUNT, PARTITIONS, BATCH = 130, 6, 8


def number(record):
    return int(record.value)


class LoaderByHooks:
    """torch's DataLoader, and the states of its workers that belong to the batches that were given out."""

    def __init__(self, dataset, batch_size, num_workers):
        self._states = [None] * num_workers
        self._loader = DataLoader(
            dataset, batch_size, num_workers=num_workers, collate_fn=_with_state, worker_init_fn=self._load
        )

    def _load(self, worker):
        if self._states[worker] is not None:
            get_worker_info().dataset.load_state_dict(self._states[worker])

    def state_dict(self):
        return {"workers": list(self._states)}

    def load_state_dict(self, state):
        self._states = list(state["workers"])

    def __iter__(self):
        for worker, state, batch in self._loader:
            self._states[worker] = state
            yield batch
        self._states = [None] * len(self._states)


def _with_state(samples):
    worker = get_worker_info()
    return worker.id, worker.dataset.state_dict(), default_collate(samples)


@pytest.fixture(scope="module")
def topic(server):
    return server.files([b"%d" % n for n in range(COUNT)], PARTITIONS)


@pytest.fixture
def dataset(server, topic):
    def build(**options):
        return HeadraceDataset(topic, server.bootstrap, decode=number, settle_s=0, stall_timeout_s=30, **options)

    return build


@pytest.fixture(params=[LoaderByHooks] + [StatefulDataLoader] * (StatefulDataLoader is not None))
def loader(request, dataset):
    def build(num_workers, **options):
        return request.param(dataset(**options), batch_size=BATCH, num_workers=num_workers)

    return build


def flat(batches):
    return [sample for batch in batches for sample in batch.tolist()]


@pytest.mark.parametrize("options", [{}, {"worker_block": BATCH}, {"shuffle_window": 7, "seed": 3}, {"tail": "pad"}])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_a_loader_that_asks_its_workers_goes_on_exactly(loader, workers, options):
    """After any batch, although the workers have prefetched further."""
    options = {"rank": 1, "world_size": 2, **options}
    whole = flat(loader(workers, **options))
    assert len(set(whole)) == COUNT // 2
    for stop in (0, 1, 2, 5, 8):
        first = loader(workers, **options)
        batches = iter(first)
        seen = flat(islice(batches, stop))
        state = json.loads(json.dumps(first.state_dict()))
        rest = loader(workers, **options)
        rest.load_state_dict(state)
        seen += flat(rest)
        assert sorted(seen) == sorted(whole), stop
        if workers == 1:
            assert seen == whole  # with more, torch's own loader begins with the first worker again


def test_a_worker_that_had_ended_stays_at_its_end(loader):
    """Of 130 samples in batches of 8 one of two workers has one batch less than the other."""
    whole = loader(2, worker_block=BATCH)
    batches = list(whole)
    first = loader(2, worker_block=BATCH)
    going = iter(first)
    seen = flat(islice(going, len(batches) - 1))
    rest = loader(2, worker_block=BATCH)
    rest.load_state_dict(first.state_dict())
    assert sorted(seen + flat(rest)) == sorted(flat(batches))


def test_another_workers_state_is_refused(dataset, loader):
    first = loader(2)
    next(iter(first))
    if not isinstance(first, LoaderByHooks):
        return  # which looks at the number of workers itself
    state = first.state_dict()
    with pytest.raises(ValueError, match="the state is of another worker"):
        dataset().load_state_dict(state["workers"][0])
    other = loader(3)
    other.load_state_dict({"workers": [state["workers"][0]] * 3})
    with pytest.raises(ValueError, match="the state is of another worker"):
        list(other)


def test_each_epoch_of_workers_that_stay_is_the_next_one(dataset):
    part = dataset(shuffle_window=COUNT, seed=1)
    stays = DataLoader(part, BATCH, num_workers=1, persistent_workers=True)
    epochs = [flat(stays) for _ in range(3)]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    expected = dataset(shuffle_window=COUNT, seed=1)
    assert epochs == [list(expected) for _ in range(3)]
