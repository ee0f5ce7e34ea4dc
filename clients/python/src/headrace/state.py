"""The state of an epoch, and its form in a checkpoint.

A `state_dict` is made of numbers, strings, lists and dicts:

    {"version": 1, "topic": "digits", "begin": [0, 0], "end": [900, 897], "generation": 0,
     "shuffle": {"window": 0, "seed": 0}, "epoch": 3, "consumed": 640, "ahead": [],
     "rank": {"rank": 0, "world_size": 2, "workers": 1, "block": 1, "tail": "drop",
              "epoch": 3, "consumed": 0, "ahead": [], "taken": [320]}}

``consumed`` is the integer that matters; ``ahead`` lists intervals of positions that were consumed beyond
it. ``rank`` says what that was concluded from, for `merge_state_dicts`; a merged state has none.

A worker of a DataLoader knows only what it has taken itself. Its state has ``worker`` in the place of ``rank``,
with ``"worker": 1, "workers": 2, "taken": 160``, and is of use to the same worker of the same rank alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from headrace.extent import Extent
from headrace.order import Done, Remaining, Share
from headrace.shuffle import Shuffle

VERSION = 1


@dataclass(frozen=True)
class RankProgress:
    """What one rank's workers have taken of what was left of an epoch when `before` was done."""

    rank: int
    share: Share
    before: Done
    epoch: int
    taken: tuple[int, ...]

    def done_if_in_step(self, total: int) -> Done:
        """What the whole world has done if every rank's workers have taken as many as this one's."""
        remaining = Remaining(total, self.before)
        everyone = [self._bounded(rank, len(remaining)) for rank in range(self.share.world_size)]
        return self.share.done(remaining, self.before, everyone)

    def is_complete(self, total: int) -> bool:
        """Whether this rank has taken all that it gets."""
        left = total - self.before.samples
        return sum(self.taken) == self.share.rank_samples(self.rank, left)

    def _bounded(self, rank: int, left: int) -> list[int]:
        """With a kept tail another rank's worker may have one sample less to take."""
        samples = (self.share.worker_samples(rank, worker, left) for worker in range(self.share.workers))
        return [min(taken, has) for taken, has in zip(self.taken, samples)]

    def state_dict(self) -> dict[str, Any]:
        share = self.share
        return {
            "rank": self.rank,
            "world_size": share.world_size,
            "workers": share.workers,
            "block": share.block,
            "tail": share.tail,
            "epoch": self.epoch,
            **_done_dict(self.before),
            "taken": list(self.taken),
        }

    @staticmethod
    def of(state: Mapping[str, Any]) -> RankProgress:
        share = Share(state["world_size"], state["workers"], state["block"], state["tail"])
        return RankProgress(state["rank"], share, _done(state), state["epoch"], tuple(state["taken"]))


@dataclass(frozen=True)
class Progress:
    """Where the reading of a dataset stands, over all ranks; `rank` if that was concluded from one."""

    extent: Extent
    shuffle: Shuffle
    epoch: int
    done: Done
    rank: RankProgress | None = None

    @staticmethod
    def in_step(extent: Extent, shuffle: Shuffle, rank: RankProgress) -> Progress:
        left = extent.total - rank.before.samples
        # With a kept tail, rank 0 is among those that end last.
        if sum(rank.taken) == rank.share.rank_samples(0, left):
            return Progress(extent, shuffle, rank.epoch + 1, Done(), rank)
        return Progress(extent, shuffle, rank.epoch, rank.done_if_in_step(extent.total), rank)

    @staticmethod
    def merged(parts: Sequence[Progress]) -> Progress:
        ranks = _every_rank(parts)
        extent, shuffle = parts[0].extent, parts[0].shuffle
        epoch = min(rank.epoch for rank in ranks)
        going_on = [rank for rank in ranks if rank.epoch == epoch]
        if all(rank.is_complete(extent.total) for rank in going_on):
            return Progress(extent, shuffle, epoch + 1, Done())
        # One that has taken nothing yet does not know how many workers it will have.
        leader = max(going_on, key=lambda rank: any(rank.taken))
        remaining = Remaining(extent.total, leader.before)
        taken = [_taken(rank, leader, len(remaining)) for rank in ranks]
        return Progress(extent, shuffle, epoch, leader.share.done(remaining, leader.before, taken))

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            "version": VERSION,
            "topic": self.extent.topic,
            "begin": list(self.extent.begin),
            "end": list(self.extent.end),
            "generation": self.extent.generation,
            "shuffle": {"window": self.shuffle.window, "seed": self.shuffle.seed},
            "epoch": self.epoch,
            **_done_dict(self.done),
        }
        if self.rank is not None:
            state["rank"] = self.rank.state_dict()
        return state

    @staticmethod
    def of(state: Mapping[str, Any]) -> Progress:
        if state.get("version") != VERSION:
            raise ValueError(f"a state of an unknown version: version={state.get('version')}, known is {VERSION}")
        return Progress(
            Extent(state["topic"], tuple(state["begin"]), tuple(state["end"]), state["generation"]),
            Shuffle(**state["shuffle"]),
            state["epoch"],
            _done(state),
            RankProgress.of(state["rank"]) if "rank" in state else None,
        )


@dataclass(frozen=True)
class WorkerProgress:
    """What one worker of one rank has taken of what was left of an epoch when `before` was done."""

    extent: Extent
    shuffle: Shuffle
    epoch: int
    before: Done
    rank: int
    share: Share
    worker: int
    taken: int

    def state_dict(self) -> dict[str, Any]:
        share = self.share
        return {
            **Progress(self.extent, self.shuffle, self.epoch, self.before).state_dict(),
            "worker": {
                "rank": self.rank,
                "world_size": share.world_size,
                "worker": self.worker,
                "workers": share.workers,
                "block": share.block,
                "tail": share.tail,
                "taken": self.taken,
            },
        }

    @staticmethod
    def of(state: Mapping[str, Any]) -> WorkerProgress:
        whole, worker = Progress.of(state), state["worker"]
        share = Share(worker["world_size"], worker["workers"], worker["block"], worker["tail"])
        return WorkerProgress(
            whole.extent, whole.shuffle, whole.epoch, whole.done, worker["rank"], share, worker["worker"], worker["taken"]
        )


def _taken(rank: RankProgress, leader: RankProgress, left: int) -> Sequence[int]:
    """What a rank has taken of the leader's epoch: all of it if it is in the next one."""
    workers = range(leader.share.workers)
    if rank.epoch != leader.epoch:
        return [leader.share.worker_samples(rank.rank, worker, left) for worker in workers]
    return rank.taken if any(rank.taken) else [0 for _ in workers]


def _every_rank(parts: Sequence[Progress]) -> list[RankProgress]:
    """The ranks' progress by rank, which fits together."""
    ranks = sorted((part.rank for part in parts if part.rank is not None), key=lambda rank: rank.rank)
    if len(ranks) != len(parts) or not ranks or [r.rank for r in ranks] != list(range(ranks[0].share.world_size)):
        raise ValueError(f"not one state of each rank: ranks={[rank.rank for rank in ranks]} states={len(parts)}")
    if any((part.extent, part.shuffle) != (parts[0].extent, parts[0].shuffle) for part in parts):
        raise ValueError("the states are of different datasets")
    epoch = min(rank.epoch for rank in ranks)
    for rank in ranks:
        if rank.epoch > epoch + 1 or (rank.epoch == epoch + 1 and any(rank.taken)):
            raise ValueError(f"ranks are an epoch apart: rank={rank.rank} epoch={rank.epoch} others={epoch}")
    started = [rank for rank in ranks if rank.epoch == epoch and any(rank.taken)]
    if len({rank.share for rank in started}) > 1 or len({r.before for r in ranks if r.epoch == epoch}) > 1:
        raise ValueError("the ranks did not begin together: their world sizes, workers, blocks or beginnings differ")
    return ranks


def _done_dict(done: Done) -> dict[str, Any]:
    return {"consumed": done.consumed, "ahead": [list(interval) for interval in done.ahead]}


def _done(state: Mapping[str, Any]) -> Done:
    return Done(state["consumed"], tuple((start, stop) for start, stop in state["ahead"]))
