"""What a real broker does seldom: a scripted consumer that skips, repeats and mixes up."""

from __future__ import annotations

from collections import deque

import pytest

from headrace import LostRecords
from headrace.reader import PartitionReader


class Message:
    def __init__(self, partition, offset):
        self._at = partition, offset

    def partition(self):
        return self._at[0]

    def offset(self):
        return self._at[1]

    def error(self):
        return None

    def __len__(self):
        return 100


class ScriptedConsumer:
    """Delivers batches of (partition, offset), and after each seek the next script."""

    def __init__(self, *scripts):
        self._scripts = deque(deque(script) for script in scripts)
        self._script = self._scripts.popleft()
        self.calls = []

    def consume(self, _count, _timeout):
        return [Message(*at) for at in self._script.popleft()] if self._script else []

    def poll(self, _timeout):
        return None

    def seek(self, at):
        self.calls.append(("seek", at.partition, at.offset))
        self._script = self._scripts.popleft()

    def __getattr__(self, name):
        return lambda *args: self.calls.append((name, *([at.partition for at in args[0]] if args else [])))


def reader(consumer, buffer_bytes=1 << 20):
    return PartitionReader(consumer, "t", buffer_bytes=buffer_bytes, stall_timeout_s=0.1)


def take_all(reading, wanted):
    return [(message.partition(), message.offset()) for message in (reading.take(*at) for at in wanted)]


def test_partitions_that_come_mixed_up_are_handed_out_in_order():
    consumer = ScriptedConsumer([[(1, 5), (1, 6), (0, 3)], [(0, 4), (1, 7)]])
    reading = reader(consumer)
    reading.assign({0: 3, 1: 5})
    wanted = [(0, 3), (1, 5), (0, 4), (1, 7)]
    assert take_all(reading, wanted) == wanted


def test_repeated_records_and_those_of_dropped_partitions_are_passed_over():
    consumer = ScriptedConsumer([[(0, 0), (1, 0), (0, 0), (0, 1)], [(1, 1), (0, 1), (0, 2)]])
    reading = reader(consumer)
    reading.assign({0: 0, 1: 0})
    assert take_all(reading, [(0, 0)]) == [(0, 0)]
    reading.assign({0: 1})
    assert take_all(reading, [(0, 1), (0, 2)]) == [(0, 1), (0, 2)]
    assert consumer.calls == [("incremental_assign", 0, 1), ("incremental_unassign", 1)]


def test_records_that_the_client_skipped_are_asked_for_again():
    consumer = ScriptedConsumer([[(0, 0), (0, 5), (0, 6)], [(0, 7)]], [[(0, 8), (0, 1), (0, 2)]])
    reading = reader(consumer)
    reading.assign({0: 0})
    assert take_all(reading, [(0, 0), (0, 1), (0, 2)]) == [(0, 0), (0, 1), (0, 2)]
    assert consumer.calls[1:] == [("seek", 0, 1)]


def test_records_that_the_topic_lacks_are_an_error():
    consumer = ScriptedConsumer([[(0, 0), (0, 5)]], [[(0, 5), (0, 6)]])
    reading = reader(consumer)
    reading.assign({0: 0})
    reading.take(0, 0)
    with pytest.raises(LostRecords, match=r"partition=0 offsets=1\.\.4"):
        reading.take(0, 1)


def test_what_runs_ahead_is_paused_and_resumed_when_it_is_wanted():
    consumer = ScriptedConsumer([[(1, n) for n in range(20)], [(0, 0)], [(1, 20)]])
    reading = reader(consumer, buffer_bytes=1000)
    reading.assign({0: 0, 1: 0})
    take_all(reading, [(0, 0)])
    assert consumer.calls[1:] == [("pause", 1)]
    take_all(reading, [(1, n) for n in range(21)])
    assert consumer.calls[2:] == [("resume", 1)]


def test_a_silent_partition_is_an_error():
    reading = reader(ScriptedConsumer([[(1, 0)]]))
    reading.assign({0: 7, 1: 0})
    with pytest.raises(TimeoutError, match="partition=0 offset=7"):
        reading.take(0, 7)
