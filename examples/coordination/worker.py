"""One worker of a data-parallel training, under the control topic."""

from __future__ import annotations

import json
import math
import random
import time
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from typing import Any

from confluent_kafka import Producer

from control import Control
from lockstep import Lockstep

READ_S = 30.0
PAUSE_S = 0.05
DISTANT, LAG_S = 2, 0.02
NEVER = 2**62


@dataclass(frozen=True)
class Job:
    bootstrap: str
    control_topic: str
    metrics_topic: str
    step_s: float


class Reports:
    """Tells the metrics topic what happens, and when by the clock of this machine."""

    def __init__(self, job: Job, rank: int) -> None:
        self._producer = Producer({"bootstrap.servers": job.bootstrap, "linger.ms": 0})
        self._topic = job.metrics_topic
        self._rank = rank

    def say(self, event: str, **details: Any) -> None:
        report = {"event": event, "rank": self._rank, "time_ns": time.time_ns(), **details}
        self._producer.produce(self._topic, json.dumps(report), str(self._rank))
        self._producer.poll(0)

    def flush(self) -> None:
        self._producer.flush(READ_S)


class DistantControl(Control):
    """Of a worker that hears of everything later than the others do."""

    def _take(self, message: Any) -> None:
        time.sleep(LAG_S)
        super()._take(message)


def work(job: Job, rank: int, lockstep: Lockstep, joins: bool, bad_step: Synchronized[int]) -> None:
    """Trains up to the setting `last-step`; with `joins`, in a training that has begun already."""
    reports = Reports(job, rank)
    control = (DistantControl if rank == DISTANT else Control)(job.bootstrap, job.control_topic)
    try:
        begin = control.read_all(READ_S)
        if joins:
            lockstep.join()
        else:
            begin, _ = lockstep.agree(begin, control.end)  # the highest: all begin with the same step
        step = catch_up(lockstep, control, begin)
        reports.say("ready", end=begin, schedules=control.settings.schedules)
        _train(job, rank, lockstep, control, reports, bad_step, step)
    finally:
        reports.flush()
        control.close()


def catch_up(lockstep: Lockstep, control: Control, begin: int) -> int:
    """Meets the others, without training, until all have read up to there; the step that is next, it returns."""
    step, agreed = 0, -1
    while agreed < begin:
        step, agreed = lockstep.agree(step, control.end)
    control.agree(agreed)
    return step


def _train(
    job: Job,
    rank: int,
    lockstep: Lockstep,
    control: Control,
    reports: Reports,
    bad_step: Synchronized[int],
    step: int,
) -> None:
    is_paused = False
    while True:
        step, agreed = lockstep.agree(step, control.end)  # who joins begins where the others are
        settings = control.agree(agreed).at(step)
        if step > settings.get("last-step", math.inf):
            return
        if not settings["running"]:
            if not is_paused:
                reports.say("paused", step=step)
            is_paused = True
            control.wait(agreed, PAUSE_S)
            continue
        is_paused = False
        loss = _step(job, rank, step, bad_step)
        reports.say("step", step=step, loss=loss, settings=settings)
        step += 1


def _step(job: Job, rank: int, step: int, bad_step: Synchronized[int]) -> float:
    """Stands for forward, backward and the optimizer: takes its time, and ends with a loss."""
    time.sleep(job.step_s * random.uniform(0.5, 1.5))
    if rank == 1 and step >= bad_step.value:
        bad_step.value = NEVER
        return math.nan
    return 2.0 / (1 + step)
