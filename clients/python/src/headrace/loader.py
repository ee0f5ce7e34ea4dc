"""A loader that knows which samples have been delivered."""

from __future__ import annotations

from itertools import islice
from typing import Any, Callable, Generic, Iterator, Mapping, Sequence, TypeVar

from headrace import _torch
from headrace.dataset import HeadraceDataset

B = TypeVar("B")

Collate = Callable[[Any], Any]


class HeadraceLoader(Generic[B]):
    """Batches of a `HeadraceDataset`, and a state that is exact however far the workers have prefetched.

    With torch this is a ``torch.utils.data.DataLoader``, to which `options` go; without it, `num_workers`
    has to be 0. `batch_size` None delivers single samples. `collate_fn` defaults to torch's, or without
    torch to the list of samples. Each batch comes back from its worker with the worker's number, so the
    state counts batches that the training loop has been given, and not those that wait for it.

    One iterator at a time. Used by the thread that trains.
    """

    def __init__(
        self,
        dataset: HeadraceDataset[Any],
        batch_size: int | None = 1,
        *,
        num_workers: int = 0,
        drop_last: bool = False,
        collate_fn: Collate | None = None,
        **options: Any,
    ) -> None:
        if options.get("persistent_workers"):
            raise ValueError("persistent_workers=True: the workers would not hear of a loaded state or a new epoch")
        if num_workers and _torch.torch is None:
            raise ValueError(f"num_workers={num_workers} needs torch")
        self.dataset = dataset
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.drop_last = drop_last
        batched = batch_size is not None
        collate = _Tagged(collate_fn or _default_collate(batched), batched)
        self._batches = (
            _Batches(_Uncounted(dataset), batch_size, drop_last, collate)
            if _torch.torch is None
            else _torch.torch.utils.data.DataLoader(
                _Uncounted(dataset), batch_size, num_workers=num_workers, drop_last=drop_last, collate_fn=collate,
                **options,
            )
        )  # fmt: skip

    def __len__(self) -> int:
        """Batches of this rank in a whole epoch, also after a resumption in the middle of one."""
        return self.dataset.batches(self.num_workers, self.batch_size or 1, self.drop_last)

    @property
    def epoch(self) -> int:
        """The number of the epoch that is going on, or comes next."""
        return self.dataset.epoch

    def set_epoch(self, epoch: int) -> None:
        """See `HeadraceDataset.set_epoch`."""
        self.dataset.set_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """See `HeadraceDataset.state_dict`; counts the batches that this loader has given out."""
        return self.dataset.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """See `HeadraceDataset.load_state_dict`."""
        self.dataset.load_state_dict(state)

    def __iter__(self) -> Iterator[B]:
        taken = self.dataset.begin_iteration(max(1, self.num_workers))
        for worker, samples, batch in self._batches:
            taken[worker] += samples
            yield batch
        self.dataset.finish_epoch()


class _Uncounted(_torch.IterableDataset[Any]):
    """The dataset's samples, of which the loader counts what it gives out."""

    def __init__(self, dataset: HeadraceDataset[Any]) -> None:
        self._dataset = dataset

    def __iter__(self) -> Iterator[Any]:
        return self._dataset.iterate(*(_torch.worker() or (0, 1)))


class _Tagged:
    """Collates, and says who did and of how many samples."""

    def __init__(self, collate: Collate, batched: bool) -> None:
        self._collate = collate
        self._batched = batched

    def __call__(self, samples: Any) -> tuple[int, int, Any]:
        worker = _torch.worker()
        count = len(samples) if self._batched else 1
        return (0 if worker is None else worker[0]), count, self._collate(samples)


class _Batches:
    """What of a DataLoader is needed without torch."""

    def __init__(self, dataset: _Uncounted, batch_size: int | None, drop_last: bool, collate: _Tagged) -> None:
        self._dataset = dataset
        self._batch_size = batch_size
        self._drop_last = drop_last
        self._collate = collate

    def __iter__(self) -> Iterator[tuple[int, int, Any]]:
        samples = iter(self._dataset)
        if self._batch_size is None:
            yield from map(self._collate, samples)
            return
        while batch := list(islice(samples, self._batch_size)):
            if len(batch) == self._batch_size or not self._drop_last:
                yield self._collate(batch)


def _default_collate(batched: bool) -> Collate:
    if _torch.torch is None:
        return _as_it_is
    data: Any = _torch.torch.utils.data
    return data.default_collate if batched else data.default_convert  # type: ignore[no-any-return]


def _as_it_is(samples: Sequence[Any]) -> Sequence[Any]:
    return samples
