"""A topic as a dataset: see `headrace.order` for which sample goes where, and why."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing.context
import multiprocessing.sharedctypes
import os
from itertools import chain, groupby
from math import gcd
from typing import Any, Callable, Generic, Iterable, Iterator, Mapping, Sequence, TypeVar, cast

from confluent_kafka import Consumer

from headrace import _torch
from headrace.client import Config, consumer_config
from headrace.decoders import by_header
from headrace.extent import SETTLE_S, Extent, alias_source, extent_source
from headrace.order import Band, Done, Remaining, RoundRobin, Share, Tail, WorkerShare
from headrace.reader import PartitionReader
from headrace.record import Record
from headrace.shuffle import Shuffle
from headrace.state import Progress, RankProgress, WorkerProgress

T = TypeVar("T")

PEEK_SAMPLES = 1 << 14
"""How far a worker looks ahead for the partitions that it needs, so that all of them are fetched at once."""

_log = logging.getLogger("headrace")


class HeadraceDataset(_torch.IterableDataset[T], Generic[T]):
    """The samples of a topic for one rank; a torch ``IterableDataset`` where torch is importable.

    Each iterator creates a consumer of its own in the process that iterates, so DataLoader workers may be
    forked or spawned. Partitions are assigned by rank, not by a group: a checkpoint that takes an hour
    evicts nobody. Needs a topic with dense offsets: a source topic, or one that is neither compacted nor
    written in transactions.

    `decode` makes a sample of a `Record`, in the worker (`headrace.decoders`). `rank` and `world_size`
    default to torch.distributed's if that is initialised, then to ``RANK`` and ``WORLD_SIZE`` of the
    environment, then to a single rank. `tail`, `worker_block`: see `headrace.order.Share`.
    `shuffle_window` and `seed`: see `headrace.shuffle`. `admin_url` (``http://127.0.0.1:9644``) lets the
    server's admin listener tell a source's length; without it, offsets that have not moved for `settle_s` do, see
    `headrace.extent`. `extent` sets it, for ranks that agree about it by other means. `config` goes before
    the settings in `headrace.client`. `stall_timeout_s` is how long no record may come before that is an
    error; it has to cover a server that starts cold.

    `topic` may be an alias of a dataset's versions if `admin_url` is given: the constructor asks once which version it
    shows, and reads that; `topic` is the version's name from then on. The state names the version, and who
    loads it goes on in that one, whatever the alias shows by then.

    The constructor asks how far the topic reaches, and an epoch is that until `refresh`. Where
    torch.distributed says what the rank is, rank 0's answer counts, so the constructor is a
    collective call there: ranks that saw a growing topic at different moments would not end together.
    """

    def __init__(
        self,
        topic: str,
        bootstrap_servers: str = "127.0.0.1:9092",
        *,
        decode: Callable[[Record], T] = cast(Any, by_header),
        rank: int | None = None,
        world_size: int | None = None,
        tail: Tail = "drop",
        worker_block: int = 1,
        shuffle_window: int = 0,
        seed: int = 0,
        admin_url: str | None = None,
        settle_s: float = SETTLE_S,
        extent: Extent | None = None,
        config: Config | None = None,
        buffer_bytes: int = 64 << 20,
        stall_timeout_s: float = 300.0,
    ) -> None:
        self.topic = topic
        self.decode = decode
        self._bootstrap_servers = bootstrap_servers
        self._config = dict(config or {})
        self._buffer_bytes = buffer_bytes
        self._stall_timeout_s = stall_timeout_s
        self._agrees = rank is None and world_size is None and _torch.is_distributed()
        self.rank, self.world_size = _rank(rank, world_size)
        self._share = Share(self.world_size, 1, worker_block, tail)
        self._shuffle = Shuffle(shuffle_window, seed)
        self._extents = extent_source(bootstrap_servers, self._config, admin_url, settle_s)
        self._aliases = alias_source(admin_url)
        self._alias = topic
        self._extent = self._ask() if extent is None else extent
        self.topic = self._extent.topic
        self._order = RoundRobin(self._extent.counts)
        self._epoch = 0
        self._before = Done()
        self._taken: list[int] = [0]
        self._skipped = 0  # by this worker of a DataLoader, which had them before its state was loaded
        self._is_through = False  # this worker of a DataLoader, with its share of the epoch
        self._was_read_by_workers = _shared_flag()

    # What an epoch is

    @property
    def extent(self) -> Extent:
        """The offsets that an epoch consists of."""
        return self._extent

    @property
    def epoch(self) -> int:
        """The number of the epoch that is going on, or comes next; from 0."""
        return self._epoch

    def __len__(self) -> int:
        """Samples of this rank in a whole epoch, also after a resumption in the middle of one."""
        return self._share.rank_samples(self.rank, self._extent.total)

    def set_epoch(self, epoch: int) -> None:
        """Begins another epoch. The number of the epoch that is going on changes nothing."""
        if epoch != self._epoch:
            self._begin(epoch, Done())

    def refresh(self) -> None:
        """Takes what the topic holds now for the epochs to come. All ranks have to agree, as at construction."""
        if self._before != Done() or any(self._taken):
            raise RuntimeError(f"the topic may be asked again between epochs only: epoch={self._epoch}")
        self._use(self._ask())

    # Where the reading stands

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch stands, as plain values that JSON can carry; exact to the sample.

        The state is that of the *whole world* provided that all ranks have taken equal steps, as with DDP: then
        any rank's will do, and `load_state_dict` takes it with any world size. Otherwise gather all
        ranks' states and put them together with `merge_state_dicts`.

        Counts what `HeadraceLoader`, or an iterator of this process, has given out. Workers of torch's own
        DataLoader are ahead of the training loop by a number that nobody is told: RuntimeError.

        Within a worker it is that worker's alone, behind the sample that it gave out last, also at the end of its
        epoch. torchdata's StatefulDataLoader asks for it with each batch, and hands it to the same worker when
        it resumes with equal numbers of ranks and workers.
        """
        worker = _torch.worker()
        if worker is not None:
            return self._worker_progress(*worker).state_dict()
        if self._was_read_by_workers.value:
            raise RuntimeError(
                "DataLoader workers read this dataset, ahead of the training loop by an unknown number of "
                "samples: use HeadraceLoader and its state_dict()"
            )
        share = dataclasses.replace(self._share, workers=len(self._taken))
        rank = RankProgress(self.rank, share, self._before, self._epoch, tuple(self._taken))
        return Progress.in_step(self._extent, self._shuffle, rank).state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where `state` was taken, whatever the world size and the workers were then.

        The extent comes from the state, so the epoch ends as it would have. Raises ValueError if the state is
        of another topic, shuffle or worker, or if the topic no longer has what the epoch still needs.
        """
        if "worker" in state:
            self._load_worker(WorkerProgress.of(state))
        else:
            self._load(Progress.of(state))

    def _load_worker(self, progress: WorkerProgress) -> None:
        worker = _torch.worker()
        share = dataclasses.replace(self._share, workers=worker[1] if worker else 1)
        here = (self.rank, share, worker[0] if worker else None)
        if here != (progress.rank, progress.share, progress.worker):
            raise ValueError(
                f"the state is of another worker: rank={progress.rank} {progress.share} worker={progress.worker}, "
                f"here rank={here[0]} {here[1]} worker={here[2]}"
            )
        self._load(Progress(progress.extent, progress.shuffle, progress.epoch, progress.before))
        self._skipped = progress.taken

    def _worker_progress(self, worker: int, workers: int) -> WorkerProgress:
        share = dataclasses.replace(self._share, workers=workers)
        taken = self._skipped + self._taken[0]
        return WorkerProgress(self._extent, self._shuffle, self._epoch, self._before, self.rank, share, worker, taken)

    def _load(self, progress: Progress) -> None:
        if progress.extent.topic != self.topic and self._is_alias():
            self._turn_to(progress.extent.topic)
        if progress.extent.topic != self.topic or progress.shuffle != self._shuffle:
            raise ValueError(
                f"the state is of another dataset: state topic={progress.extent.topic} {progress.shuffle}, "
                f"here topic={self.topic} {self._shuffle}"
            )
        if not self._extent.covers(progress.extent):
            raise ValueError(f"the topic lacks samples of the state: state={progress.extent} topic={self._extent}")
        self._use(progress.extent)
        self._begin(progress.epoch, progress.done)

    def batches(self, workers: int, batch_size: int, drop_last: bool) -> int:
        """Batches that `workers` workers make of this rank's samples in a whole epoch."""
        share = dataclasses.replace(self._share, workers=max(1, workers))
        return share.batches(self.rank, self._extent.total, batch_size, drop_last)

    # Reading

    def __iter__(self) -> Iterator[T]:
        """What is left of the epoch for this rank or, in a worker of a DataLoader, for that worker.

        Begins where the last loaded state or `set_epoch` says; an iterator that was given up has no effect on
        the next one. At its end the next epoch begins.
        """
        worker = _torch.worker()
        if worker is None:
            return self._counted(self.iterate())
        if self._is_through:
            self.finish_epoch()  # not at its end: until now the state was that of the epoch that had ended
        self._was_read_by_workers.value = 1
        self._taken = [0]
        return self._counted_by_worker(self.iterate(*worker))

    def begin_iteration(self, workers: int = 1) -> list[int]:
        """For loaders other than torch's: what each worker has delivered, to be counted up by the caller.

        The workers call `iterate`, in processes of their own if they like, and the caller `finish_epoch` at the
        end.
        """
        self._taken = [0] * workers
        self._was_read_by_workers.value = 0
        return self._taken

    def iterate(self, worker: int = 0, workers: int = 1) -> Iterator[T]:
        """What is left for one of several workers; counts nothing, see `begin_iteration`."""
        share = dataclasses.replace(self._share, workers=workers)
        remaining = Remaining(self._order.total, self._before)
        part = WorkerShare(remaining, share, self.rank, worker, self._skipped)
        self._note_overlap(share)
        return self._samples(part, share, worker)

    def finish_epoch(self) -> None:
        """The epoch's last sample has been delivered; the next one begins. Iterators call it as they end."""
        self._begin(self._epoch + 1, Done())

    def _counted(self, samples: Iterator[T]) -> Iterator[T]:
        taken = self.begin_iteration()
        for sample in samples:
            taken[0] += 1
            yield sample
        self.finish_epoch()

    def _counted_by_worker(self, samples: Iterator[T]) -> Iterator[T]:
        taken = self._taken
        for sample in samples:
            taken[0] += 1
            yield sample
        self._is_through = True

    def _samples(self, part: WorkerShare, share: Share, worker: int) -> Iterator[T]:
        decode, epoch = self.decode, self._epoch
        reader = self._reader(worker)
        try:
            rows = _Rows(reader, self._extent, self._shuffle, epoch)
            for position, message in self._messages(part, share, rows):
                yield decode(Record.of(message, position))
        finally:
            reader.close()

    def _messages(self, part: WorkerShare, share: Share, rows: _Rows) -> Iterator[tuple[int, Any]]:
        pieces = chain.from_iterable(map(self._order.by_band, part.ranges()))
        for band, group in groupby(pieces, key=lambda piece: piece[0]):
            ranges = (positions for _, positions in group)
            peek = _peek(ranges, min(PEEK_SAMPLES, len(band.partitions) * share.block))
            rows.assign(_first_rows(band, peek))
            locate, message = band.locate, rows.message
            for position in chain.from_iterable(chain(peek, ranges)):
                yield position, message(*locate(position))
        for position in part.padding:
            rows.assign({})
            yield position, rows.message(*self._order.locate(position))

    def _reader(self, worker: int) -> PartitionReader:
        name = f"headrace-{self.topic}-{self.rank}-{worker}"
        return PartitionReader(
            Consumer(consumer_config(self._bootstrap_servers, name, self._config)),
            self.topic,
            buffer_bytes=self._buffer_bytes,
            stall_timeout_s=self._stall_timeout_s,
        )

    def _note_overlap(self, share: Share) -> None:
        readers = share.world_size * (share.workers if share.block == 1 else 1)
        partitions = len(self._extent.counts)
        times = readers // gcd(readers, partitions) * (share.workers if share.block > 1 else 1)
        if times > 1 and self.rank == 0:
            _log.info(
                "each partition is read by %d workers, who skip what is not theirs: partitions=%d ranks=%d workers=%d",
                times, partitions, share.world_size, share.workers,
            )  # fmt: skip

    # State

    def _ask(self) -> Extent:
        if not self._agrees:
            return self._extents.extent(self._resolved())
        extent, failure = _torch.from_rank_0(self._answer() if self.rank == 0 else None)
        if failure is not None:
            raise RuntimeError(f"rank 0 could not tell the extent: {failure}")
        return cast(Extent, extent)

    def _resolved(self) -> str:
        """The version that is read: asked for once, by the rank whose answer counts."""
        return self._aliases.version(self._alias) if self.topic == self._alias else self.topic

    def _answer(self) -> tuple[Extent | None, str | None]:
        """The extent, or what is wrong: the other ranks must hear of that too, instead of waiting."""
        try:
            return self._extents.extent(self._resolved()), None
        except Exception as failure:
            return None, f"{type(failure).__name__}: {failure}"

    def _is_alias(self) -> bool:
        return self.topic != self._alias

    def _turn_to(self, topic: str) -> None:
        """Reads the version that a state is of, if it is one of the same dataset."""
        dataset = self._alias.rsplit(".", 1)[0]
        if topic.startswith(dataset + "."):
            before = self.topic, self._extent
            self.topic = topic
            try:
                self._use(self._ask())
            except Exception:
                self.topic, _ = before
                raise

    def _use(self, extent: Extent) -> None:
        self._extent = extent
        self._order = RoundRobin(extent.counts)

    def _begin(self, epoch: int, done: Done) -> None:
        self._epoch = epoch
        self._before = done
        self._taken = [0]
        self._skipped = 0
        self._is_through = False
        self._was_read_by_workers.value = 0

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        if multiprocessing.context.get_spawning_popen() is None:  # shared memory goes to child processes only
            state["_was_read_by_workers"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._was_read_by_workers is None:
            self._was_read_by_workers = _shared_flag()


class _Rows:
    """Messages by partition and row, shuffled or not."""

    def __init__(self, reader: PartitionReader, extent: Extent, shuffle: Shuffle, epoch: int) -> None:
        self._reader = reader
        self._begin = extent.begin
        self._counts = extent.counts
        self._shuffle = shuffle
        self._epoch = epoch
        self._windows: dict[int, tuple[int, list[Any]]] = {}
        self.message = self._shuffled if shuffle.window > 1 else self._straight

    def assign(self, first: Mapping[int, int]) -> None:
        """The partitions that come next, and the first row that is needed of each."""
        window = max(1, self._shuffle.window)
        self._reader.assign({p: self._begin[p] + row // window * window for p, row in first.items()})
        self._windows = {p: held for p, held in self._windows.items() if p in first}

    def _straight(self, partition: int, row: int) -> Any:
        return self._reader.take(partition, self._begin[partition] + row)

    def _shuffled(self, partition: int, row: int) -> Any:
        window, within = divmod(row, self._shuffle.window)
        held = self._windows.get(partition)
        if held is None or held[0] != window:
            held = self._windows[partition] = (window, self._window(partition, window))
        return held[1][within]

    def _window(self, partition: int, window: int) -> list[Any]:
        first = window * self._shuffle.window
        rows = range(first, min(first + self._shuffle.window, self._counts[partition]))
        messages = [self._straight(partition, row) for row in rows]
        return [messages[at] for at in self._shuffle.places(self._epoch, partition, window, len(rows))]


def _peek(ranges: Iterator[range], samples: int) -> list[range]:
    """The first ranges, taken off, until they have so many samples."""
    peeked: list[range] = []
    for positions in ranges:
        peeked.append(positions)
        samples -= len(positions)
        if samples <= 0:
            break
    return peeked


def _first_rows(band: Band, ranges: Iterable[range]) -> dict[int, int]:
    first: dict[int, int] = {}
    for positions in ranges:
        for position in positions[:PEEK_SAMPLES]:
            partition, row = band.locate(position)
            first.setdefault(partition, row)
            if len(first) == len(band.partitions):
                return first
    return first


def _rank(rank: int | None, world_size: int | None) -> tuple[int, int]:
    if (rank is None) != (world_size is None):
        raise ValueError(f"rank and world_size go together: rank={rank} world_size={world_size}")
    if rank is None or world_size is None:
        if _torch.is_distributed():
            rank, world_size = _torch.rank()
        else:
            rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not 0 <= rank < world_size:
        raise ValueError(f"no such rank: rank={rank} world_size={world_size}")
    return rank, world_size


def _shared_flag() -> Any:
    return multiprocessing.sharedctypes.RawValue("b", 0)


def merge_state_dicts(states: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """One state out of every rank's, for ranks that have not taken equal steps.

    Raises ValueError unless there is exactly one of each rank, all of the same epoch of the same dataset; a
    rank that has just finished the epoch may be in the next one.
    """
    return Progress.merged([Progress.of(state) for state in states]).state_dict()
