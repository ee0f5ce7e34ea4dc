"""Trains on a topic with several ranks, data-parallel, and goes on from its last checkpoint.

    train.py --bootstrap 127.0.0.1:9092 --topic digits --folder run --world-size 2

Each rank is a process that reads its share of the topic. After every step the ranks sum their gradients in
shared memory, as DDP does over a network. Rank 0 writes a checkpoint every few steps: the model, and
where the reading stands. Started again, with any world size, it goes on from there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pickle
import sys
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np

import model
from digits import collate, decode
from headrace import AdminExtents, Extent, HeadraceDataset, HeadraceLoader

GLOBAL_BATCH = 120
CHECKPOINT_STEPS = 10
RATE, MOMENTUM = 0.1, 0.9
BARRIER_S = 120


@dataclass(frozen=True)
class Job:
    bootstrap: str
    topic: str
    folder: Path
    world_size: int
    epochs: int
    extent: Extent


@dataclass
class Training:
    """What a checkpoint holds."""

    parameters: np.ndarray
    momentum: np.ndarray
    step: int
    data: dict[str, Any] | None

    @staticmethod
    def load(folder: Path) -> Training:
        checkpoint = folder / "checkpoint"
        if checkpoint.exists():
            return Training(**pickle.loads(checkpoint.read_bytes()))
        return Training(model.initial(), np.zeros(model.SIZE), 0, None)

    def save(self, folder: Path) -> None:
        """Replaces the checkpoint at once and for good, whenever the power goes."""
        new = folder / "checkpoint.new"
        with new.open("wb") as out:
            pickle.dump(vars(self), out)
            out.flush()
            os.fsync(out.fileno())
        new.replace(folder / "checkpoint")


class Sum:
    """Adds up arrays of all ranks in shared memory; every rank gets the same result."""

    def __init__(self, world_size: int) -> None:
        self._barrier: Barrier = multiprocessing.Barrier(world_size)
        self._memory = multiprocessing.RawArray("d", world_size * model.SIZE)
        self._world_size = world_size

    def __call__(self, rank: int, values: np.ndarray) -> np.ndarray:
        slots = np.frombuffer(self._memory).reshape(self._world_size, model.SIZE)
        slots[rank] = values
        self._barrier.wait(BARRIER_S)  # all have written
        total = slots.sum(0)
        self._barrier.wait(BARRIER_S)  # all have read
        return total


def train(rank: int, job: Job, add: Sum) -> None:
    """One rank, from the last checkpoint to the last epoch."""
    training = Training.load(job.folder)
    dataset = HeadraceDataset(
        job.topic, job.bootstrap, decode=decode, rank=rank, world_size=job.world_size, extent=job.extent,
        shuffle_window=100, seed=1,
    )  # fmt: skip
    loader: HeadraceLoader[Any] = HeadraceLoader(dataset, GLOBAL_BATCH // job.world_size, collate_fn=collate)
    if training.data is not None:
        loader.load_state_dict(training.data)
        consumed = training.data["consumed"]
        print(f"rank {rank} of {job.world_size}: from epoch {loader.epoch}, sample {consumed}", flush=True)
    with (job.folder / f"seen-{job.world_size}-{rank}.jsonl").open("a") as seen:
        while loader.epoch < job.epochs:
            epoch = loader.epoch
            for numbers, labels, pixels in loader:
                total = add(rank, model.gradient(training.parameters, pixels, labels))
                training.momentum = MOMENTUM * training.momentum + total / GLOBAL_BATCH
                training.parameters = training.parameters - RATE * training.momentum
                training.step += 1
                seen.write(json.dumps({"step": training.step, "epoch": epoch, "samples": numbers}) + "\n")
                seen.flush()
                if rank == 0 and training.step % CHECKPOINT_STEPS == 0:
                    training.data = loader.state_dict()
                    training.save(job.folder)
    if rank == 0:
        training.data = loader.state_dict()
        training.save(job.folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", default="127.0.0.1:9092")
    parser.add_argument("--admin-url", default="http://127.0.0.1:9644")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--folder", type=Path, required=True, help="of the checkpoint")
    parser.add_argument("--world-size", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    if GLOBAL_BATCH % given.world_size:
        parser.error(f"--world-size {given.world_size} does not divide the global batch of {GLOBAL_BATCH}")
    # Asked once, so that all ranks mean the same by an epoch.
    extent = AdminExtents(given.admin_url).extent(given.topic)
    job = Job(given.bootstrap, given.topic, given.folder, given.world_size, given.epochs, extent)
    job.folder.mkdir(parents=True, exist_ok=True)
    add = Sum(job.world_size)
    ranks = [multiprocessing.Process(target=train, args=(rank, job, add)) for rank in range(job.world_size)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join()
    return max(abs(process.exitcode or 0) for process in ranks)


if __name__ == "__main__":
    sys.exit(main())
