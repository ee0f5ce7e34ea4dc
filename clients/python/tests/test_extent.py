"""Who knows how far a topic reaches."""

from __future__ import annotations

import threading

import pytest

from headrace import AdminExtents, Extent, HeadraceDataset, IndexIncomplete, KafkaExtents, Value, text


LINES = {f"{shard:02}.txt": [b"%d %d" % (shard, n) for n in range(20_000)] for shard in range(4)}


def test_the_admin_listener_tells_a_complete_source(server):
    name = server.files([b"x"] * 5, partitions=2)
    assert AdminExtents(server.admin_url).extent(name) == Extent(name, (0, 0), (3, 2))


def test_a_source_that_is_not_counted_is_an_error_or_waited_for(server):
    name = server.lines(LINES, partitions=2)
    with pytest.raises(IndexIncomplete, match=f"headrace source index --wait {name}"):
        AdminExtents(server.admin_url, wait_s=0).extent(name)
    dataset = HeadraceDataset(name, server.bootstrap, admin_url=server.admin_url, decode=Value(text))
    assert len(dataset) == 80_000
    assert sorted(dataset) == sorted(line.decode() for shard in LINES.values() for line in shard)


def test_an_unknown_source_is_an_error(server):
    with pytest.raises(LookupError, match="/sources/no-such-topic status=404"):
        AdminExtents(server.admin_url).extent("no-such-topic")


def test_kafka_tells_beginning_and_end(server):
    name = server.records([[b"a", b"b"], [], [b"c"]])
    assert KafkaExtents(server.bootstrap, {}, settle_s=0).extent(name) == Extent(name, (0, 0, 0), (2, 0, 1))
    assert KafkaExtents(server.bootstrap, {}).extent(name) == Extent(name, (0, 0, 0), (2, 0, 1))


def test_lines_that_nobody_has_read_are_counted_by_reading_on(server):
    name = server.lines(LINES, partitions=2)
    dataset = HeadraceDataset(name, server.bootstrap, decode=Value(text))
    assert len(dataset) == 80_000
    assert sorted(dataset) == sorted(line.decode() for shard in LINES.values() for line in shard)


def test_an_empty_topic_is_waited_for_and_then_an_error(server):
    name = server.records([[], []])
    with pytest.raises(IndexIncomplete, match=f"no record: topic={name}"):
        KafkaExtents(server.bootstrap, {}, timeout_s=0.3, settle_s=0).extent(name)
    producer = threading.Timer(0.3, server.produce, (name, [[b"x"]]))
    producer.start()
    assert KafkaExtents(server.bootstrap, {}, settle_s=0).extent(name).total == 1
    producer.join()


@pytest.mark.parametrize("begin, end", [((), ()), ((0,), (1, 2)), ((3,), (2,)), ((-1,), (2,))])
def test_extents_that_cannot_be_are_refused(begin, end):
    with pytest.raises(ValueError):
        Extent("t", begin, end)
