"""One rank of a training in a process of its own, which may be killed: prints each step, and waits to be told to go on."""

from __future__ import annotations

import json
import sys
from typing import Any

from headrace import Extent, HeadraceDataset, HeadraceLoader


def main(settings: dict[str, Any]) -> None:
    dataset = HeadraceDataset(
        settings["topic"],
        settings["bootstrap"],
        decode=lambda record: int(record.value),
        rank=settings["rank"],
        world_size=settings["world_size"],
        shuffle_window=settings["shuffle_window"],
        seed=settings["seed"],
        extent=Extent(settings["topic"], tuple(settings["begin"]), tuple(settings["end"])),
        stall_timeout_s=120,
    )
    loader = HeadraceLoader(dataset, settings["batch"], collate_fn=list)
    if settings["state"] is not None:
        loader.load_state_dict(settings["state"])
    for _ in range(loader.epoch, settings["epochs"]):
        batches = iter(loader)
        batch = next(batches, None)
        while batch is not None:
            # The next batch only after the state: at an epoch's end that is the next epoch's beginning.
            report = {"batch": batch, "state": loader.state_dict()}
            print(json.dumps(report), flush=True)
            sys.stdin.readline()
            batch = next(batches, None)
    print(json.dumps({"batch": None, "state": loader.state_dict()}), flush=True)
