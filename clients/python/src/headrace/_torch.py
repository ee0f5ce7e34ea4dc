"""torch where it is importable; the package works without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Iterator, TypeVar

T = TypeVar("T", covariant=True)


def _imported() -> Any:
    try:
        import torch
        import torch.distributed
        import torch.utils.data
    except ImportError:
        return None
    return torch


torch = _imported()

if TYPE_CHECKING or torch is None:

    class IterableDataset(Generic[T]):
        """Stands for torch's class where there is no torch."""

        def __iter__(self) -> Iterator[T]:
            raise NotImplementedError

else:
    IterableDataset = torch.utils.data.IterableDataset


def worker() -> tuple[int, int] | None:
    """This process's number among the workers of a DataLoader, and how many they are; None if it is none."""
    info = torch.utils.data.get_worker_info() if torch is not None else None
    return None if info is None else (info.id, info.num_workers)


def is_distributed() -> bool:
    """Whether torch.distributed runs in this process."""
    return torch is not None and torch.distributed.is_available() and bool(torch.distributed.is_initialized())


def rank() -> tuple[int, int]:
    """This process's rank and the world size, of an initialised torch.distributed."""
    return torch.distributed.get_rank(), torch.distributed.get_world_size()


def from_rank_0(value: Any) -> Any:
    """What rank 0 passed; every rank has to call."""
    values = [value]
    torch.distributed.broadcast_object_list(values, src=0)
    return values[0]
