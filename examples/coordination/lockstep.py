"""What NCCL, Gloo or MPI do in a real training: the workers meet before each step, and reduce two integers.

    torch.distributed.all_reduce(step, op=ReduceOp.MAX)
    torch.distributed.all_reduce(end, op=ReduceOp.MIN)
"""

from __future__ import annotations

from multiprocessing.context import SpawnContext

MEET_S = 60.0
NONE = 2**62


class Lockstep:
    """A reduction between processes of one machine, which one may join while it goes on."""

    def __init__(self, context: SpawnContext, members: int) -> None:
        self._turn = context.Condition()
        self._members = context.Value("q", members, lock=False)
        self._joining = context.Value("q", 0, lock=False)
        self._arrived = context.Value("q", 0, lock=False)
        self._round = context.Value("q", 0, lock=False)
        self._step = context.Value("q", 0, lock=False)
        self._end = context.Value("q", NONE, lock=False)
        self._result = context.Array("q", 2, lock=False)

    def join(self) -> None:
        """Makes the caller a member from the next round on."""
        with self._turn:
            self._joining.value += 1
            self._wait_for_next_round()

    def agree(self, step: int, end: int) -> tuple[int, int]:
        """The highest step and the lowest end of all members."""
        with self._turn:
            self._step.value = max(self._step.value, step)
            self._end.value = min(self._end.value, end)
            self._arrived.value += 1
            if self._arrived.value < self._members.value:
                self._wait_for_next_round()
            else:
                self._finish_round()
            return self._result[0], self._result[1]

    def _finish_round(self) -> None:
        self._result[:] = self._step.value, self._end.value
        self._end.value = NONE
        self._arrived.value = 0
        self._members.value += self._joining.value
        self._joining.value = 0
        self._round.value += 1
        self._turn.notify_all()

    def _wait_for_next_round(self) -> None:
        this = self._round.value
        if not self._turn.wait_for(lambda: bool(self._round.value != this), MEET_S):
            raise TimeoutError(f"the other workers did not come: timeout_s={MEET_S}")
