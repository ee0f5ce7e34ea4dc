"""The dataset on a real server, without torch's loader."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
from collections import Counter
from itertools import islice

import pytest

from headrace import (
    Extent,
    HeadraceDataset,
    HeadraceLoader,
    LostRecords,
    Parts,
    Record,
    Value,
    merge_state_dicts,
    parts,
    text,
)
from headrace.order import RoundRobin

COUNT, PARTITIONS = 120, 6


def number(record: Record) -> int:
    return int(record.value)


def whole(record: Record) -> Record:
    return record


@pytest.fixture(scope="module")
def topic(server):
    """Objects whose global order is their own: object n is sample n."""
    return server.files([b"%d" % n for n in range(COUNT)], PARTITIONS)


@pytest.fixture(scope="module")
def uneven(server):
    """Records p*1000 + offset, in partitions of different lengths, one of them empty."""
    counts = (13, 0, 40, 7, 22)
    return server.records([[b"%d" % (p * 1000 + o) for o in range(n)] for p, n in enumerate(counts)]), counts


@pytest.fixture
def dataset(server, topic):
    def build(name=topic, **options):
        options.setdefault("decode", number)
        return HeadraceDataset(name, server.bootstrap, settle_s=0, stall_timeout_s=30, **options)

    return build


def ranks(dataset, world_size, **options):
    return [dataset(rank=rank, world_size=world_size, **options) for rank in range(world_size)]


# Order


def test_one_rank_reads_the_global_order(dataset):
    assert list(dataset()) == list(range(COUNT))


def test_uneven_partitions_are_read_in_the_defined_order(dataset, uneven):
    name, counts = uneven
    order = RoundRobin(counts)
    expected = [p * 1000 + row for p, row in map(order.locate, range(order.total))]
    assert list(dataset(name)) == expected
    for world_size in (2, 3):
        parts = ranks(dataset, world_size, name=name)
        length = len(expected) // world_size
        assert [list(part) for part in parts] == [expected[r::world_size][:length] for r in range(world_size)]


def test_a_record_knows_where_it_stands(dataset, server):
    record = list(dataset(decode=whole))[8]
    assert (record.position, record.partition, record.offset) == (8, 8 % PARTITIONS, 8 // PARTITIONS)
    assert record.value == b"8" and record.key is not None and record.header("headrace.object") is not None


@pytest.mark.parametrize("world_size", [1, 2, 3, 4, 6, 7])
def test_ranks_interleave_to_the_global_order_and_end_together(dataset, world_size):
    taken = [list(part) for part in ranks(dataset, world_size)]
    length = COUNT // world_size
    assert [len(each) for each in taken] == [length] * world_size == [len(p) for p in ranks(dataset, world_size)]
    dealt = [sample for step in zip(*taken) for sample in step]
    assert dealt == list(range(length * world_size))


@pytest.mark.parametrize("tail, lengths", [("drop", [17] * 7), ("pad", [18] * 7), ("keep", [18] + [17] * 6)])
def test_the_tail_is_as_documented(dataset, tail, lengths):
    parts = ranks(dataset, 7, tail=tail)
    taken = [list(part) for part in parts]
    assert [len(each) for each in taken] == [len(part) for part in parts] == lengths
    seen = Counter(sample for each in taken for sample in each)
    if tail == "drop":
        assert seen == Counter(range(119))
    else:
        assert set(seen) == set(range(COUNT))
        assert seen - Counter(range(COUNT)) == Counter(range(6) if tail == "pad" else [])


@pytest.mark.parametrize("block", [1, 5])
def test_workers_of_a_rank_share_its_samples(dataset, block):
    part = dataset(rank=1, world_size=2, worker_block=block)
    taken = [list(part.iterate(worker, 3)) for worker in range(3)]
    mine = list(range(1, COUNT, 2))
    assert sorted(sample for each in taken for sample in each) == mine
    blocks = [mine[at : at + block] for at in range(0, len(mine), block)]
    assert taken == [[sample for b in blocks[worker::3] for sample in b] for worker in range(3)]


def test_reading_across_many_records_and_fetches(server, dataset):
    name = server.records([[b"%d" % (row * 4 + p) for row in range(20_000)] for p in range(4)])
    assert list(dataset(name)) == list(range(80_000))
    assert list(dataset(name, rank=1, world_size=3)) == list(range(1, 79_999, 3))


# Epochs


def test_epochs_repeat_and_count_themselves(dataset):
    part = dataset()
    for epoch in range(3):
        assert part.epoch == epoch
        assert len(list(part)) == COUNT
    part.set_epoch(7)
    assert part.epoch == 7 and len(list(part)) == COUNT and part.epoch == 8


def test_an_iterator_that_was_given_up_has_no_effect(dataset):
    part = dataset()
    assert list(islice(part, 10)) == list(range(10))
    assert list(part) == list(range(COUNT))


@pytest.mark.parametrize("world_size", [1, 3])
def test_shuffled_epochs_differ_and_are_permutations_of_their_windows(dataset, world_size):
    window, epochs = 5, []
    for epoch in range(2):
        taken = []
        for part in ranks(dataset, world_size, shuffle_window=window, seed=3):
            part.set_epoch(epoch)
            taken.append(list(part))
        epochs.append([sample for step in zip(*taken) for sample in step])
    rows = window * PARTITIONS
    for order in epochs:
        assert order != sorted(order)
        for first in range(0, COUNT, rows):
            assert sorted(order[first : first + rows]) == list(range(first, min(COUNT, first + rows)))
        assert [sample % PARTITIONS for sample in order] == [n % PARTITIONS for n in range(COUNT)]
    assert epochs[0] != epochs[1]


def test_the_shuffled_order_is_the_same_for_any_world_size(dataset):
    def order(world_size):
        taken = [list(part) for part in ranks(dataset, world_size, shuffle_window=8, seed=1)]
        return [sample for step in zip(*taken) for sample in step]

    assert order(1) == order(2) == order(3) == order(5)


# State


def advance(parts, steps):
    """Takes so many samples with each rank, and returns them and the iterators' states."""
    iterators = [iter(part) for part in parts]
    taken = [list(islice(iterator, steps)) for iterator in iterators]
    states = [part.state_dict() for part in parts]
    for iterator in iterators:
        iterator.close()
    return [sample for step in zip(*taken) for sample in step], states


@pytest.mark.parametrize("shuffle_window", [0, 7])
@pytest.mark.parametrize("worlds", [(1, 2, 3), (4, 1, 5), (6, 6, 6), (2, 7, 3)])
def test_a_state_goes_on_exactly_with_any_world_size(dataset, worlds, shuffle_window):
    options = dict(tail="keep", shuffle_window=shuffle_window, seed=5)
    expected = list(dataset(**options))
    seen, state = [], None
    for world_size in worlds:
        parts = ranks(dataset, world_size, **options)
        if state is not None:
            for part in parts:
                part.load_state_dict(state)
        taken, states = advance(parts, 5)
        seen += taken
        assert all({**each, "rank": 0} == {**states[0], "rank": 0} for each in states)
        assert states[0]["consumed"] == len(seen) and states[0]["ahead"] == []
        state = json.loads(json.dumps(states[0]))
    last = dataset(**options)
    last.load_state_dict(state)
    assert seen + list(last) == expected
    assert last.epoch == 1 and len(list(last)) == COUNT


def test_ranks_that_are_not_in_step_are_merged(dataset):
    parts = ranks(dataset, 3)
    iterators = [iter(part) for part in parts]
    seen = [sample for iterator, count in zip(iterators, (4, 9, 0)) for sample in islice(iterator, count)]
    state = merge_state_dicts(part.state_dict() for part in parts)
    assert state["consumed"] == 2 and sum(stop - start for start, stop in state["ahead"]) == 11
    for part in ranks(dataset, 2, tail="keep"):
        part.load_state_dict(state)
        seen += list(part)
    assert sorted(seen) == list(range(COUNT))


def test_a_rank_that_has_finished_is_merged_with_one_that_has_not(dataset):
    parts = ranks(dataset, 2)
    seen = list(parts[0])
    iterator = iter(parts[1])
    seen += islice(iterator, 10)
    state = merge_state_dicts(part.state_dict() for part in reversed(parts))
    assert state["epoch"] == 0
    last = dataset()
    last.load_state_dict(state)
    assert sorted(seen + list(last)) == list(range(COUNT))
    seen = list(iterator)
    assert merge_state_dicts(part.state_dict() for part in parts)["epoch"] == 1


def test_states_that_do_not_fit_together_are_refused(dataset, uneven):
    first, second = (part.state_dict() for part in ranks(dataset, 2))
    with pytest.raises(ValueError, match="not one state of each rank"):
        merge_state_dicts([first])
    with pytest.raises(ValueError, match="not one state of each rank"):
        merge_state_dicts([first, first])
    with pytest.raises(ValueError, match="different datasets"):
        merge_state_dicts([first, dataset(uneven[0], rank=1, world_size=2).state_dict()])
    later = dataset(rank=1, world_size=2)
    later.set_epoch(5)
    with pytest.raises(ValueError, match="an epoch apart"):
        merge_state_dicts([first, later.state_dict()])
    resumed = dataset(rank=1, world_size=2)
    resumed.load_state_dict({**second, "consumed": 10})
    with pytest.raises(ValueError, match="did not begin together"):
        merge_state_dicts([first, resumed.state_dict()])


def test_the_state_after_the_last_sample_is_the_next_epochs_beginning(dataset):
    part = dataset(rank=0, world_size=7)
    iterator = iter(part)
    taken = list(islice(iterator, len(part)))
    state = part.state_dict()
    assert len(taken) == 17 and (state["epoch"], state["consumed"]) == (1, 0)
    resumed = dataset()
    resumed.load_state_dict(state)
    assert resumed.epoch == 1 and len(list(resumed)) == COUNT


def test_set_epoch_of_the_epoch_that_is_going_on_changes_nothing(dataset):
    part = dataset()
    part.load_state_dict({**part.state_dict(), "epoch": 4, "consumed": 100})
    part.set_epoch(4)
    assert list(part) == list(range(100, COUNT))
    part.load_state_dict({**part.state_dict(), "epoch": 4, "consumed": 100})
    part.set_epoch(9)
    assert list(part) == list(range(COUNT))


def test_states_of_other_datasets_are_refused(dataset, uneven):
    part = dataset()
    state = part.state_dict()
    for other, complaint in (
        (dataset(uneven[0]), "another dataset"),
        (dataset(shuffle_window=4), "another dataset"),
        (dataset(extent=Extent(part.topic, (0,) * PARTITIONS, (3,) * PARTITIONS)), "lacks samples"),
    ):
        with pytest.raises(ValueError, match=complaint):
            other.load_state_dict(state)
    with pytest.raises(ValueError, match="unknown version: version=99"):
        part.load_state_dict({**state, "version": 99})


def test_a_growing_topic_keeps_the_epochs_extent_until_it_is_refreshed(server, dataset):
    name = server.records([[b"0", b"2"], [b"1", b"3"]])
    part = dataset(name)
    state = part.state_dict()
    server.produce(name, [[b"4"], [b"5"]])
    assert list(part) == [0, 1, 2, 3]
    late = dataset(name)
    late.load_state_dict(state)
    assert list(late) == [0, 1, 2, 3]
    late.refresh()
    assert len(late) == 6 and list(late) == [0, 1, 2, 3, 4, 5]
    iterator = iter(late)
    next(iterator)
    with pytest.raises(RuntimeError, match="between epochs"):
        late.refresh()


# Trouble


def test_lost_records_are_an_error_and_not_skipped(server, dataset):
    name = server.records([[b"0", b"1"]])
    with pytest.raises(LostRecords, match=f"topic={name} partition=0"):
        list(dataset(name, extent=Extent(name, (50,), (60,))))


def test_a_partition_that_stays_silent_is_an_error(server):
    name = server.records([[b"0", b"1"]])
    part = HeadraceDataset(name, server.bootstrap, extent=Extent(name, (0,), (5,)), stall_timeout_s=0.5)
    with pytest.raises(TimeoutError, match="partition=0 offset=2"):
        list(part)


def test_bad_ranks_are_refused(dataset):
    with pytest.raises(ValueError, match="rank=2 world_size=2"):
        dataset(rank=2, world_size=2)
    with pytest.raises(ValueError, match="go together"):
        dataset(rank=2)


def test_rank_and_world_size_come_from_the_environment(dataset, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "3")
    part = dataset()
    assert (part.rank, part.world_size) == (1, 3)


def test_a_server_that_starts_again_is_only_a_pause(own_server):
    topic = own_server.records([[b"%d" % (row * 2 + p) for row in range(3000)] for p in range(2)])
    part = HeadraceDataset(
        topic, own_server.bootstrap, settle_s=0, decode=number, stall_timeout_s=120,
        config={"queued.max.messages.kbytes": 1, "fetch.message.max.bytes": 1000},
    )  # fmt: skip
    iterator = iter(part)
    seen = list(islice(iterator, 500))
    own_server.stop()
    own_server.start()
    assert seen + list(iterator) == list(range(6000))


@pytest.mark.parametrize("buffer_bytes", [1, 2000, 100_000])
def test_partitions_that_run_ahead_are_paused_and_nothing_is_lost(server, dataset, buffer_bytes):
    """Partition 0 has long records and so arrives in small lumps: the others run ahead."""
    rows = 1500
    name = server.records(
        [[b"%08d" % (row * 3 + p) + b" " * (2000 if p == 0 else 0) for row in range(rows)] for p in range(3)]
    )
    part = dataset(name, buffer_bytes=buffer_bytes, config={"fetch.message.max.bytes": 8000})
    assert list(part) == list(range(rows * 3))


def test_multi_part_records_are_decoded(server, dataset):
    values = [parts.encode({"txt": b"caption %d" % n, "cls": b"%d" % n}) for n in range(5)]
    name = server.records([values], headers={"headrace.format": b"parts"})
    assert list(HeadraceDataset(name, server.bootstrap, settle_s=0))[3] == {"txt": b"caption 3", "cls": b"3"}
    assert list(dataset(name, decode=Parts(txt=text)))[4] == {"txt": "caption 4"}


def test_shards_of_webdataset_are_read_as_multi_part_samples(server, dataset):
    shards = [[{"txt": b"%d" % (shard * 10 + n), "cls": b"%d" % n} for n in range(10)] for shard in range(4)]
    name = server.tars(shards, partitions=2)
    part = HeadraceDataset(name, server.bootstrap, admin_url=server.admin_url)
    assert len(part) == 40
    assert sorted(list(part), key=lambda sample: int(sample["txt"])) == [sample for shard in shards for sample in shard]


def test_empty_values_and_an_empty_topic(server, dataset):
    assert list(dataset(server.records([[b"", b"x"]]), decode=Value(text))) == ["", "x"]
    name = server.records([[], []])
    nothing = dataset(name, extent=Extent(name, (0, 0), (0, 0)))
    assert len(nothing) == 0 and list(nothing) == []


# Processes


def _read_in(context, dataset, connection):
    connection.send(list(dataset))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_dataset_can_be_read_in_a_forked_or_spawned_process(dataset, method):
    context = multiprocessing.get_context(method)
    part = dataset()
    next(iter(part))  # this process has had a consumer already
    here, there = context.Pipe()
    process = context.Process(target=_read_in, args=(None, part, there))
    process.start()
    assert here.poll(60) and here.recv() == list(range(COUNT))
    process.join(30)
    assert process.exitcode == 0


def test_a_dataset_can_be_pickled(dataset):
    part = dataset(rank=1, world_size=2)
    assert list(pickle.loads(pickle.dumps(part))) == list(range(1, COUNT, 2))


def test_a_consumer_is_closed_with_its_iterator(dataset):
    def threads():
        return len(os.listdir("/proc/self/task"))

    part = dataset()
    list(part)
    before = threads()
    iterator = iter(part)
    next(iterator)
    assert threads() > before
    iterator.close()
    assert threads() == before


# The loader without workers: the same with torch and without


def as_list(samples):
    return list(samples)


@pytest.mark.parametrize(
    "batch_size, drop_last, batches", [(32, False, 4), (32, True, 3), (60, False, 2), (None, False, 120)]
)
def test_a_loader_makes_batches_and_counts_them(dataset, batch_size, drop_last, batches):
    loader = HeadraceLoader(
        dataset(), batch_size, drop_last=drop_last, collate_fn=as_list if batch_size else number_of
    )
    assert len(loader) == batches
    for epoch in range(2):
        assert loader.epoch == epoch
        taken = list(loader)
        assert len(taken) == batches
        if batch_size:
            lengths = [min(batch_size, COUNT - n * batch_size) for n in range(batches)]
            assert [len(batch) for batch in taken] == lengths


def number_of(sample):
    return sample


@pytest.mark.parametrize("batch_size", [7, 30])
def test_a_loader_goes_on_after_any_batch(dataset, batch_size):
    expected = [as_list(range(at, min(COUNT, at + batch_size))) for at in range(0, COUNT, batch_size)]
    for stop in range(len(expected) + 1):
        loader = HeadraceLoader(dataset(), batch_size, collate_fn=as_list)
        batches = iter(loader)
        taken = list(islice(batches, stop))
        state = loader.state_dict()
        resumed = HeadraceLoader(dataset(), batch_size, collate_fn=as_list)
        resumed.load_state_dict(state)
        if stop == len(expected):
            assert resumed.epoch == 1 and state["consumed"] == 0
        else:
            assert taken + list(resumed) == expected


def test_persistent_workers_are_refused(dataset):
    with pytest.raises(ValueError, match="persistent_workers"):
        HeadraceLoader(dataset(), 4, persistent_workers=True)


def test_a_shuffle_view_is_read_as_any_topic(server, topic, dataset):
    view = f"{topic}-shuffled"
    epochs = {"headrace.view.type": "shuffle", "headrace.view.topics": topic, "headrace.view.epochs": "2"}
    server.create(view, 4, epochs)
    server.extent(view, 2 * COUNT)
    order = list(dataset(view))
    assert sorted(order[:COUNT]) == sorted(order[COUNT:]) == list(range(COUNT))
    assert order[:COUNT] != order[COUNT:]
    for world_size in (2, 4):
        assert [n for step in zip(*ranks(dataset, world_size, name=view)) for n in step] == order


# Versions


def test_an_alias_is_resolved_once_and_a_resumed_training_stays_in_its_version(server):
    def publish(version):
        name = server.files([b"%d" % n for n in range(12)], 2, name=f"numbers.{version}")
        source = {
            "headrace.storage.mode": "source",
            "headrace.source.uri": f"{(server.objects / name).as_uri()}/",
            "headrace.source.format": "files",
        }
        server.alter(name, {**source, "headrace.version.of": "numbers", "headrace.version.name": version})

    publish("v1")
    publish("v2")
    alias = {"headrace.view.type": "alias"}
    server.create("numbers.latest", 2, {**alias, "headrace.view.current": "numbers.v1"})

    def opened():
        return HeadraceDataset("numbers.latest", server.bootstrap, admin_url=server.admin_url, decode=Value(text))

    first = opened()
    assert first.topic == "numbers.v1"
    given = list(islice(iter(first), 5))
    state = json.loads(json.dumps(first.state_dict()))
    server.alter("numbers.latest", {**alias, "headrace.view.current": "numbers.v2"})
    first.load_state_dict(state)
    assert first.topic == "numbers.v1"

    second = opened()
    assert second.topic == "numbers.v2" and len(list(second)) == 12
    resumed = opened()
    resumed.load_state_dict(state)
    assert resumed.topic == "numbers.v1"
    rest = list(resumed)
    assert sorted(given + rest, key=int) == [str(n) for n in range(12)]

    of_another = HeadraceDataset("numbers.v2", server.bootstrap, admin_url=server.admin_url, decode=Value(text))
    with pytest.raises(ValueError, match="another dataset"):
        of_another.load_state_dict(state)
