"""A training that is killed and resized again and again takes the steps of one that never was.

Ranks are processes and step together, as with DDP: who loses one loses all, and begins again from the last bookmark, with
another number of ranks. Each batch of each rank has to be the one that the order says, in the attempts that were lost too.
Where they go on is what the bookmark has: a loader's state, or the positions of a group.

    HEADRACE_ELASTIC_SEEDS=200 HEADRACE_ELASTIC_SIZES=8,32,8    # how many runs, and with what numbers of ranks
    HEADRACE_ELASTIC_SEED=17                                    # that run alone
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from headrace import Bookmarks, HeadraceDataset, HeadraceLoader
from server import Server

SIZES = [int(size) for size in os.environ.get("HEADRACE_ELASTIC_SIZES", "2,4,2").split(",")]
SEEDS = (
    [int(os.environ["HEADRACE_ELASTIC_SEED"])]
    if "HEADRACE_ELASTIC_SEED" in os.environ
    else list(range(int(os.environ.get("HEADRACE_ELASTIC_SEEDS", "2"))))
)
GLOBAL_BATCH = 4 * max(SIZES)
PARTITIONS = 2 * max(SIZES)
EPOCHS = 2
STEPS_PER_EPOCH = 12
STEP_DEADLINE_S = int(os.environ.get("HEADRACE_ELASTIC_DEADLINE_S", "180"))
HERE = Path(__file__).resolve().parent


class Starter:
    """Starts ranks, each a process of its own."""

    def __init__(self):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "rank_starter.py")], stdin=theirs,
                env={**os.environ, "PYTHONPATH": str(HERE.parent / "src")},
            )  # fmt: skip

    def start(self, settings, orders, reports):
        socket.send_fds(self._socket, [json.dumps(settings).encode()], [orders, reports])
        return int(self._socket.recv(32))

    def close(self):
        self._socket.close()
        self._process.wait(60)


@pytest.fixture(scope="module")
def killed_server(tmp_path_factory):
    """One for all runs, each with topics and a job of its own."""
    with Server(tmp_path_factory.mktemp("killed") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def starter():
    with contextlib.closing(Starter()) as starter:
        yield starter


class Rank:
    """A process; what it prints is taken by a thread, so that a rank which hangs is found."""

    def __init__(self, starter, settings):
        orders, self._orders = os.pipe()
        reports, theirs = os.pipe()
        self._pid = starter.start(settings, orders, theirs)
        os.close(orders)
        os.close(theirs)
        self._reports = open(reports)  # noqa: SIM115
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._reports:
            self._lines.put(json.loads(line))
        self._lines.put(None)

    def report(self):
        """The next step's; None if the process has ended."""
        return self._lines.get(timeout=STEP_DEADLINE_S)

    def go(self):
        if self._reader.is_alive():
            with contextlib.suppress(BrokenPipeError):  # killed just now, as was meant
                os.write(self._orders, b"\n")

    def kill(self):
        """And waits until it has ended, which is when its output has."""
        if self._reader.is_alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._reader.join(60)

    def close(self):
        self.kill()
        os.close(self._orders)
        self._reports.close()


class Training:
    """What is common to all attempts of a run."""

    def __init__(self, starter, server, topic, seed):
        self.starter = starter
        self.random = random.Random(seed)
        self.seed = seed
        self.server, self.topic = server, topic
        self.shuffle_window = self.random.choice([0, 5])
        self.bookmarks = Bookmarks(server.admin_url)
        self.job = f"elastic-{seed}"
        dataset = self.dataset(0, 1)
        self.extent = dataset.extent
        loader = HeadraceLoader(dataset, GLOBAL_BATCH, collate_fn=list)
        # The run that nothing interrupts, of one rank.
        self.expected = [batch for _ in range(EPOCHS) for batch in loader]
        self.attempts = 0
        self.restore_s = 0.0

    def dataset(self, rank, world_size):
        return HeadraceDataset(
            self.topic, self.server.bootstrap, decode=lambda record: int(record.value), rank=rank,
            world_size=world_size, shuffle_window=self.shuffle_window, seed=self.seed, settle_s=0,
        )  # fmt: skip

    def begin(self, world_size):
        """Ranks that go on at the last bookmark, and the step that comes next."""
        self.attempts += 1
        step, state = self.bookmarks.last_step(self.job), None
        if step is not None:
            began = time.monotonic()
            state = self.bookmarks.restore(self.job, step)
            self.restore_s = max(self.restore_s, time.monotonic() - began)
        ranks = [
            Rank(self.starter, {
                "script": "elastic", "topic": self.topic, "bootstrap": self.server.bootstrap,
                "rank": rank, "world_size": world_size, "shuffle_window": self.shuffle_window, "seed": self.seed,
                "begin": self.extent.begin, "end": self.extent.end, "batch": GLOBAL_BATCH // world_size, "state": state, "epochs": EPOCHS,
            })
            for rank in range(world_size)
        ]  # fmt: skip
        return ranks, step or 0

    def steps(self, world_size, count):
        """Takes so many steps, or loses ranks; returns the number of the step that comes next."""
        ranks, step = self.begin(world_size)
        lost_at = step + self.random.randrange(count)
        try:
            for _ in range(count):
                if step == lost_at:
                    self.harm(ranks)
                reports = [rank.report() for rank in ranks]
                self.check(reports, step, world_size)
                if None in reports:
                    return step
                if reports[0]["batch"] is None:
                    assert step == len(self.expected)
                    return step
                step += 1
                if step % 3 == 0:
                    self.save(step, reports)
                for rank in ranks:
                    rank.go()
            return step
        finally:
            for rank in ranks:
                rank.close()

    def save(self, step, reports):
        self.bookmarks.save(self.job, step, state=reports[0]["state"])

    def harm(self, ranks):
        """Kills some ranks, the server, or both, wherever they are just now."""
        what = self.random.choice(["rank", "all", "server", "server and all", "nothing"])
        time.sleep(self.random.random() * 0.2)  # where it strikes is the seed's
        if what == "rank":
            self.random.choice(ranks).kill()
        elif what.endswith("all"):
            for rank in ranks:
                rank.kill()
        if what.startswith("server"):
            self.server.kill()
            self.server.start()

    def check(self, reports, step, world_size):
        """Each rank's part of a step is every W-th of the step's samples, in their order."""
        for rank, report in enumerate(reports):
            if report is not None and report["batch"] is not None:
                assert report["batch"] == self.expected[step][rank::world_size], (step, rank, world_size, self.seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_steps_are_those_of_a_run_that_nothing_interrupts(killed_server, starter, seed):
    # The last step of an epoch is a short one, of which each rank has as much.
    total = GLOBAL_BATCH * (STEPS_PER_EPOCH - 1) + max(SIZES)
    lengths = [total // PARTITIONS + (partition < total % PARTITIONS) for partition in range(PARTITIONS)]
    numbers = iter(range(total))
    topic = killed_server.records([[b"%d" % next(numbers) for _ in range(length)] for length in lengths])
    training = Training(starter, killed_server, topic, seed)
    assert len(training.expected) == EPOCHS * STEPS_PER_EPOCH
    assert all(sorted(sum(epoch, [])) == list(range(total)) for epoch in halves(training.expected))
    step, attempt = 0, 0
    while step < len(training.expected):
        step = training.steps(SIZES[attempt % len(SIZES)], training.random.randint(4, 10))
        attempt += 1
        assert attempt < 100, (step, seed)
    print(f"seed={seed} attempts={training.attempts} longest restore={training.restore_s:.3f} s")


def halves(steps):
    return steps[:STEPS_PER_EPOCH], steps[STEPS_PER_EPOCH:]


# Plain consumers, which know no step: where they go on is what their group has committed


class PositionTraining(Training):
    """What a bookmark holds is the positions of a group, and nothing else."""

    def __init__(self, starter, server, topic, total, seed):
        self.starter = starter
        self.random = random.Random(seed)
        self.seed = seed
        self.server, self.topic, self.total = server, topic, total
        self.bookmarks = Bookmarks(server.admin_url)
        self.job = self.group = f"positions-{seed}"
        self.attempts = 0
        self.restore_s = 0.0
        self.expected = self.uninterrupted()
        self.bookmarks.save(self.job, 0, group=self.group)

    def settings(self, rank, world_size, group):
        return {
            "script": "positions", "topic": self.topic, "bootstrap": self.server.bootstrap,
            "rank": rank, "world_size": world_size, "group": group, "partitions": PARTITIONS, "total": self.total,
            "global_batch": GLOBAL_BATCH,
        }  # fmt: skip

    def uninterrupted(self):
        """The steps of one rank that nothing disturbs; its commits are another group's."""
        self.commit_starts()
        alone = Rank(self.starter, self.settings(0, 1, f"{self.group}-alone"))
        try:
            steps = []
            while (report := alone.report())["batch"] is not None:
                assert report["step"] == len(steps)
                steps.append(report["batch"])
                alone.go()
            return steps
        finally:
            alone.close()

    def commit_starts(self):
        """So that the bookmark of step 0 has positions: a group without any cannot be saved."""
        consumer = Consumer({"bootstrap.servers": self.server.bootstrap, "group.id": self.group})
        consumer.commit(offsets=[TopicPartition(self.topic, p, 0) for p in range(PARTITIONS)], asynchronous=False)
        consumer.close()

    def begin(self, world_size):
        self.attempts += 1
        step = self.bookmarks.last_step(self.job)
        began = time.monotonic()
        assert self.bookmarks.restore(self.job, step) is None
        self.restore_s = max(self.restore_s, time.monotonic() - began)
        ranks = [Rank(self.starter, self.settings(rank, world_size, self.group)) for rank in range(world_size)]
        return ranks, step

    def save(self, step, reports):
        self.bookmarks.save(self.job, step, group=self.group)

    def check(self, reports, step, world_size):
        assert all(report is None or report["step"] == step for report in reports), (step, reports, self.seed)
        super().check(reports, step, world_size)


@pytest.mark.parametrize("seed", SEEDS)
def test_positions_of_a_group_move_with_its_bookmark(killed_server, starter, seed):
    objects = random.Random(seed).randint(3, 9)
    total = GLOBAL_BATCH * (STEPS_PER_EPOCH - 1) + max(SIZES)
    lines = [b"%d" % number for number in range(total)]
    base = killed_server.lines({f"{i:03}": lines[i::objects] for i in range(objects)}, 2)
    view = f"{base}-view"
    killed_server.create(
        view, PARTITIONS,
        {
            "headrace.view.type": "shuffle", "headrace.view.topics": base, "headrace.view.seed": str(seed),
            "headrace.view.epochs": str(EPOCHS),
        },
    )  # fmt: skip
    killed_server.extent(view, EPOCHS * total)
    training = PositionTraining(starter, killed_server, view, EPOCHS * total, seed)
    order = sum(training.expected, [])
    assert all(sorted(order[epoch * total : (epoch + 1) * total]) == list(range(total)) for epoch in range(EPOCHS))
    step, attempt = 0, 0
    while step < len(training.expected):
        step = training.steps(SIZES[attempt % len(SIZES)], training.random.randint(4, 10))
        attempt += 1
        assert attempt < 100, (step, seed)
    print(f"seed={seed} attempts={training.attempts} longest restore={training.restore_s:.3f} s")


# Plain consumers, which assign themselves what the step says


def position(n, partition, partitions):
    """Records of a partition among the first n samples, of which sample i is in partition i mod P."""
    return (n + partitions - 1 - partition) // partitions


@pytest.mark.parametrize("global_batch", [24, 36])
def test_plain_consumers_find_their_place_by_the_step_alone(server, global_batch):
    from kafka import KafkaConsumer, TopicPartition

    partitions, rows = 24, 30
    topic = server.records([[b"%d" % (row * partitions + p) for row in range(rows)] for p in range(partitions)])

    def read(world_size, rank, step, steps):
        """What rank r of W reads in so many steps: of partitions p = r mod W, in turn."""
        n, stop = step * global_batch, (step + steps) * global_batch
        mine = range(rank, partitions, world_size)
        consumer = KafkaConsumer(bootstrap_servers=server.bootstrap, group_id=None, consumer_timeout_ms=60_000)
        consumer.assign([TopicPartition(topic, p) for p in mine])
        for p in mine:
            consumer.seek(TopicPartition(topic, p), position(n, p, partitions))
        waiting, found = {p: [] for p in mine}, []
        turns = iter([i % partitions for i in range(n, stop) if i % world_size == rank])
        turn = next(turns)
        while turn is not None:
            while not waiting[turn]:
                record = next(consumer)
                waiting[record.partition].append(int(record.value))
            found.append(waiting[turn].pop(0))
            turn = next(turns, None)
        consumer.close()
        return found

    step = 0
    for world_size, steps in ((2, 5), (4, 6), (12, 3), (2, 4)):
        ranks = [read(world_size, rank, step, steps) for rank in range(world_size)]
        order = [sample for samples in zip(*ranks) for sample in samples]
        assert order == list(range(step * global_batch, (step + steps) * global_batch))
        step += steps
