"""With torch: DataLoader, its workers, and DistributedDataParallel."""

from __future__ import annotations

import json
import socket
from itertools import islice

import pytest

from headrace import HeadraceDataset, HeadraceLoader, Parts, Tokens, parts

torch = pytest.importorskip("torch", reason="no torch: apt-get install python3-torch, or pip install torch")

from torch.utils.data import DataLoader, IterableDataset  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores, on purpose

COUNT, PARTITIONS = 130, 6


def number(record):
    return int(record.value)


@pytest.fixture(scope="module")
def topic(server):
    return server.files([b"%d" % n for n in range(COUNT)], PARTITIONS)


@pytest.fixture
def dataset(server, topic):
    def build(name=topic, **options):
        options.setdefault("decode", number)
        return HeadraceDataset(name, server.bootstrap, settle_s=0, stall_timeout_s=30, **options)

    return build


def flat(batches):
    return [sample for batch in batches for sample in batch.tolist()]


def test_it_is_an_iterable_dataset(dataset):
    assert isinstance(dataset(), IterableDataset)
    assert flat(DataLoader(dataset(), batch_size=8)) == list(range(COUNT))


@pytest.mark.parametrize("method, workers", [("fork", 1), ("fork", 3), ("spawn", 2)])
def test_workers_of_torchs_own_loader_read_each_sample_once(dataset, method, workers):
    part = dataset()
    next(iter(part))  # so that librdkafka has run in this process before the fork
    loader = DataLoader(part, batch_size=8, num_workers=workers, multiprocessing_context=method)
    for _ in range(2):
        assert sorted(flat(loader)) == list(range(COUNT))


def test_the_state_behind_torchs_own_workers_is_refused_and_not_guessed(dataset):
    part = dataset()
    batches = iter(DataLoader(part, batch_size=8, num_workers=2))
    next(batches)
    with pytest.raises(RuntimeError, match="use HeadraceLoader"):
        part.state_dict()


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
def test_a_loader_knows_its_length(dataset, workers, drop_last):
    for rank in range(2):
        loader = HeadraceLoader(dataset(rank=rank, world_size=2), 8, num_workers=workers, drop_last=drop_last)
        assert len(list(loader)) == len(loader) and loader.epoch == 1


@pytest.mark.parametrize("block", [1, 8])
@pytest.mark.parametrize("workers", [0, 2, 3])
def test_a_state_after_any_batch_goes_on_exactly(dataset, workers, block):
    """Although the workers have prefetched further; with other numbers of ranks and workers."""
    for stop in range(0, 9):
        seen, states = [], []
        for rank in range(2):
            loader = HeadraceLoader(
                dataset(rank=rank, world_size=2, worker_block=block), 8, num_workers=workers, prefetch_factor=4
            ) if workers else HeadraceLoader(dataset(rank=rank, world_size=2, worker_block=block), 8)  # fmt: skip
            seen += flat(islice(loader, stop))
            states.append(json.loads(json.dumps(loader.state_dict())))
        assert {**states[0], "rank": 0} == {**states[1], "rank": 0}
        assert states[0]["consumed"] + sum(b - a for a, b in states[0]["ahead"]) == len(seen)
        if workers == 0 or block == 8:
            assert states[0]["consumed"] == len(seen), "one integer"
        for rank in range(3):
            loader = HeadraceLoader(dataset(rank=rank, world_size=3, tail="keep"), 5, num_workers=1)
            loader.load_state_dict(states[0])
            seen += flat(loader)
        assert sorted(seen) == list(range(COUNT))


def test_steps_are_the_same_for_any_number_of_ranks_and_workers(dataset):
    def steps(world_size, workers):
        batch = 24 // world_size
        loaders = [
            HeadraceLoader(dataset(rank=rank, world_size=world_size, worker_block=batch), batch, num_workers=workers)
            for rank in range(world_size)
        ]
        return [set(flat(batches)) for batches in zip(*loaders)][:5]

    expected = [set(range(n, n + 24)) for n in range(0, 120, 24)]
    assert steps(1, 0) == steps(2, 2) == steps(3, 3) == steps(4, 1) == expected


def test_single_samples_and_spawned_workers(dataset):
    loader = HeadraceLoader(dataset(), None, num_workers=2, multiprocessing_context="spawn")
    seen = list(islice(loader, 31))
    state = loader.state_dict()
    resumed = HeadraceLoader(dataset(), None)
    resumed.load_state_dict(state)
    assert sorted(seen + list(resumed)) == list(range(COUNT))


def test_multi_part_samples_are_collated(server, dataset):
    values = [parts.encode({"tokens": bytes([n, 0, n + 1, 0]), "txt": b"x"}) for n in range(6)]
    name = server.records([values], headers={"headrace.format": b"parts"})
    batch = next(iter(HeadraceLoader(dataset(name, decode=Parts(tokens=Tokens("<u2"))), 3)))
    assert batch["tokens"].tolist() == [[0, 1], [1, 2], [2, 3]]


# DistributedDataParallel


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _ddp_rank(rank, world_size, port, bootstrap, topic, folder, state, steps):
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=world_size
    )
    try:
        dataset = HeadraceDataset(topic, bootstrap, decode=number, settle_s=0, stall_timeout_s=30)
        assert (dataset.rank, dataset.world_size) == (rank, world_size)
        with pytest.raises(RuntimeError, match="rank 0 could not tell the extent: "):
            HeadraceDataset("no-such-topic", bootstrap, admin_url="http://127.0.0.1:1")
        loader = HeadraceLoader(dataset, 4, num_workers=2)
        if state is not None:
            loader.load_state_dict(state)
        model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(1, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
        seen = []
        for batch in islice(loader, steps):
            optimizer.zero_grad()
            model(batch.float().unsqueeze(1)).pow(2).mean().backward()  # meets the other ranks
            optimizer.step()
            seen += batch.tolist()
            state = loader.state_dict()
        (folder / f"{rank}.json").write_text(json.dumps({"seen": seen, "state": state, "extent": dataset.extent.end}))
    finally:
        torch.distributed.destroy_process_group()


def _ddp(server, topic, world_size, folder, state=None, steps=None):
    folder.mkdir()
    torch.multiprocessing.spawn(
        _ddp_rank, (world_size, _free_port(), server.bootstrap, topic, folder, state, steps), world_size
    )
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(world_size)]


def test_ddp_ends_together_and_goes_on_with_another_world_size(server, topic, tmp_path):
    first = _ddp(server, topic, 2, tmp_path / "first", steps=5)
    assert [len(each["seen"]) for each in first] == [20, 20]
    rest = _ddp(server, topic, 3, tmp_path / "rest", first[1]["state"])
    assert len({len(each["seen"]) for each in rest}) == 1
    seen = sorted(sample for each in first + rest for sample in each["seen"])
    assert seen == list(range(COUNT))  # 40 and 3 * 30
    assert rest[0]["state"]["epoch"] == 1
