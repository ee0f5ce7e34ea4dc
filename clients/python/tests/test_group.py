"""Group mode: members come, go and die, and nothing is left out."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from itertools import islice

import pytest

from headrace import HeadraceGroupDataset

COUNT = 300
DEADLINE_S = 90


def number(record):
    return int(record.value)


@pytest.fixture
def topic(server):
    return server.records([[b"%d" % (row * 6 + p) for row in range(COUNT // 6)] for p in range(6)])


def member(server, topic, group, **config):
    return HeadraceGroupDataset(
        topic, group, server.bootstrap, decode=number, settle_s=0, config={"session.timeout.ms": 6000, **config}
    )


def test_one_member_reads_all_in_every_epoch(server, topic):
    dataset = member(server, topic, "one")
    for epoch in range(2):
        assert dataset.epoch == epoch
        assert sorted(dataset) == list(range(COUNT))
    dataset.set_epoch(0)
    assert list(dataset) == []  # the group has had it


def test_members_share_the_topic(server, topic):
    taken = [[], []]

    def read(which):
        taken[which] += member(server, topic, "shared")

    threads = [threading.Thread(target=read, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
    assert sorted(taken[0] + taken[1]) == list(range(COUNT))


def test_a_resumed_epoch_delivers_what_was_not_committed(server, topic):
    first = iter(member(server, topic, "resumed"))
    taken = list(islice(first, 100))
    first.close()  # leaves the group, and commits what was asked for beyond
    rest = list(member(server, topic, "resumed"))
    assert set(taken) | set(rest) == set(range(COUNT))
    assert len(rest) == COUNT - 99, "all but the sample that was being worked on was committed"


def _read_until_killed(dataset, connection):
    for sample in dataset:
        connection.send(sample)


def test_what_a_killed_member_had_not_committed_is_delivered_again(server, topic):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    victim = context.Process(target=_read_until_killed, args=(member(server, topic, "killed"), there))
    victim.start()
    assert here.poll(DEADLINE_S)
    here.recv()
    os.kill(victim.pid, signal.SIGKILL)
    victim.join(DEADLINE_S)
    assert sorted(member(server, topic, "killed")) == list(range(COUNT))
