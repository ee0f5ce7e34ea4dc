#!/usr/bin/env python3
"""Changes a learning rate, lets a worker join late, and lets a loss be NaN, in a training of four workers.

    examples/coordination/run.py

Starts a server of its own in a temporary folder. Ends with 0 if all workers had the same settings in every step, the
late one knew them before its first step, and all paused at the same step after the NaN.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

from control import CONFIG, Controller  # noqa: E402
from lockstep import Lockstep  # noqa: E402
from monitor import NanWatch, Report, reports  # noqa: E402
from serving import Server, started_server  # noqa: E402
from worker import NEVER, Job, work  # noqa: E402

WORKERS, LATE = 3, 3  # ranks 0 to 2, and the one that comes late
STEP_S = 0.01
BEFORE, AHEAD = 20, 20
RATES = (0.1, 0.05, 0.025)
BATCH, HASTY = 32, 20
SILENCE_S = 60.0
CONTROL, METRICS = "run.control", "run.metrics"


class Training:
    """The processes of the workers."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._context = multiprocessing.get_context("spawn")
        self._lockstep = Lockstep(self._context, WORKERS)
        self._bad_step: Synchronized[int] = self._context.Value("q", NEVER)  # type: ignore[assignment]
        self._processes: list[BaseProcess] = []

    def start(self, rank: int, joins: bool) -> None:
        arguments = (self._job, rank, self._lockstep, joins, self._bad_step)
        process = self._context.Process(target=work, args=arguments, name=f"worker {rank}", daemon=True)
        process.start()
        self._processes.append(process)

    def spoil(self, step: int) -> None:
        """Gives worker 1 a batch whose loss is NaN, at that step or the first after it."""
        self._bad_step.value = step

    def wait(self) -> None:
        for process in self._processes:
            process.join(SILENCE_S)
            if process.exitcode != 0:
                raise RuntimeError(f"a worker failed: name={process.name} exitcode={process.exitcode}")


class Following:
    """Reads the reports, and lets the watch see each."""

    def __init__(self, bootstrap: str, watch: NanWatch) -> None:
        self._reports = reports(bootstrap, METRICS, SILENCE_S)
        self._watch = watch
        self.told: list[Report] = []

    def until(self, event: str, condition: Callable[[Report], object] = lambda _: True) -> Report:
        """The next report of that event for which the condition holds."""
        for report in self._reports:
            self.told.append(report)
            self._watch.look_at(report)
            if report["event"] == event and condition(report):
                return report
        raise AssertionError("the reports do not end")


def demonstrate(server: Server) -> bool:
    create_topics(server)
    controller = Controller(server.bootstrap, CONTROL)
    for key, value in {"learning-rate": RATES[0], "batch-size": BATCH, "running": True}.items():
        controller.change(key, value, 0)
    training = Training(Job(server.bootstrap, CONTROL, METRICS, STEP_S))
    watch = NanWatch(controller)
    following = Following(server.bootstrap, watch)

    for rank in range(WORKERS):
        training.start(rank, joins=False)
    following.until("step", lambda it: it["step"] == BEFORE)
    controller.change("learning-rate", RATES[1], BEFORE + AHEAD)
    following.until("step", lambda it: it["settings"]["learning-rate"] == RATES[1])

    training.start(LATE, joins=True)
    joined = following.until("step", lambda it: it["rank"] == LATE)

    for number in range(1, HASTY + 1):  # from a step on that is over: taken as soon as all workers know of it
        step = following.until("step", lambda it: it["rank"] == 0)["step"]
        controller.change("batch-size", BATCH + number, step)
    following.until("step", lambda it: it["settings"]["batch-size"] == BATCH + HASTY)

    training.spoil(joined["step"] + AHEAD)
    for _ in range(WORKERS + 1):
        resumed = following.until("paused")["step"]
    controller.change("learning-rate", RATES[2], resumed)
    controller.change("last-step", resumed + AHEAD, 0)
    controller.change("running", True, resumed)
    for _ in range(WORKERS + 1):
        following.until("step", lambda it: it["step"] == resumed + AHEAD)
    training.wait()
    return tell(Books(following.told), watch)


def create_topics(server: Server) -> None:
    admin = AdminClient({"bootstrap.servers": server.bootstrap})
    topics = [
        NewTopic(CONTROL, num_partitions=1, replication_factor=1, config=CONFIG),
        NewTopic(METRICS, num_partitions=1, replication_factor=1, config={"headrace.storage.mode": "memory"}),
    ]
    for created in admin.create_topics(topics).values():
        created.result(60)


class Books:
    """What the workers reported, in the order in which the server has it."""

    def __init__(self, told: list[Report]) -> None:
        self._told = told
        self.ranks = sorted({report["rank"] for report in told})
        self.steps = [report for report in told if report["event"] == "step"]
        self.paused = [report for report in told if report["event"] == "paused"]
        self.late_ready = next(it for it in told if it["event"] == "ready" and it["rank"] == LATE)
        self.late_first = next(it for it in self.steps if it["rank"] == LATE)

    def taken(self, rate: float) -> int:
        """The first step with that learning rate."""
        return int(min(it["step"] for it in self.steps if it["settings"]["learning-rate"] == rate))

    def sizes(self) -> int:
        return len({it["settings"]["batch-size"] for it in self.steps})

    def agree(self) -> bool:
        """Whether all workers had the same settings in every step, and left none out."""
        by_step: dict[int, list[Report]] = {}
        for report in self.steps:
            by_step.setdefault(report["step"], []).append(report)
        same = all(it["settings"] == of_step[0]["settings"] for of_step in by_step.values() for it in of_step)
        return same and all(self._is_whole(rank) for rank in self.ranks)

    def stood_still(self, alarm: Report) -> bool:
        """Whether all paused after the NaN, before the same step, and none took it before all had paused."""
        stops = {report["step"] for report in self.paused}
        if len(stops) != 1 or [it["rank"] for it in sorted(self.paused, key=_rank)] != self.ranks:
            return False
        stop = stops.pop()
        ahead = [at for at, it in enumerate(self._told) if it["event"] == "step" and it["step"] >= stop]
        return bool(alarm["step"] < stop and self._told.index(self.paused[-1]) < min(ahead))

    def _is_whole(self, rank: int) -> bool:
        steps = [it["step"] for it in self.steps if it["rank"] == rank]
        return steps == list(range(steps[0], self.steps[-1]["step"] + 1))


def tell(books: Books, watch: NanWatch) -> bool:
    """Prints what happened, and whether it was right."""
    alarm = watch.alarm
    assert alarm is not None
    rate = books.late_ready["schedules"].get("learning-rate", [[0, None]])[-1][1]
    stopped_ns = max(it["time_ns"] for it in books.paused)
    seen, written, stopped = (
        (at_ns - alarm["time_ns"]) / 1e6 for at_ns in (watch.seen_ns, watch.written_ns, stopped_ns)
    )
    print(f"training: {WORKERS} workers in step, learning rate {RATES[0]}")
    print(f"change:   {RATES[1]} from step {BEFORE + AHEAD} on, written in step {BEFORE}; "
          f"taken at {books.taken(RATES[1])}")  # fmt: skip
    print(f"joined:   worker {LATE} read up to offset {books.late_ready['end']}, learning rate {rate}, "
          f"before its first step: {books.late_first['step']}")  # fmt: skip
    print(f"hasty:    {HASTY} changes of the batch size without notice; {books.sizes()} sizes were taken")
    print(f"nan:      worker {alarm['rank']}, step {alarm['step']}; {len(books.paused)} workers paused "
          f"before step {books.paused[0]['step']}")  # fmt: skip
    print(f"          seen after {seen:.1f} ms, pause on disk after {written:.1f} ms, "
          f"the last worker paused after {stopped:.1f} ms")  # fmt: skip
    print(f"resumed:  learning rate {RATES[2]} at step {books.taken(RATES[2])}, "
          f"to the end: step {books.steps[-1]['step']}")  # fmt: skip
    right = {
        "the same settings in every step of all workers": books.agree(),
        "changes taken no sooner than they say": books.taken(RATES[1]) >= BEFORE + AHEAD,
        "the late worker had them before its first step": rate == RATES[1],
        "no step between the pause and its end": books.stood_still(alarm),
    }
    for claim, holds in right.items():
        print(f"{'yes' if holds else 'NO':<9} {claim}")
    return all(right.values())


def _rank(report: Report) -> int:
    return int(report["rank"])


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="headrace-coordination-") as temporary:
        with started_server(Path(temporary)) as running:
            return 0 if demonstrate(running) else 1


if __name__ == "__main__":
    sys.exit(main())
