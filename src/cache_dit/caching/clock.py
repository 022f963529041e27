"""Whether a call of the transformer belongs to the same step as the one before, or to a new run."""

from __future__ import annotations

from enum import Enum
from numbers import Real
from typing import Any

import torch


class Tick(Enum):
    """How a call relates to the one before."""

    SAME = "same step"
    NEXT = "next step"
    RESTART = "a new run"
    UNKNOWN = "cannot tell"


class Clock:
    """Reads the step from what moves with it: the scheduler's counter, or else the timestep.

    The scheduler's ``step_index`` is a Python number and costs nothing. A timestep on an
    accelerator is only compared by value (a read from the device) where the caller allows it;
    before that, two views of one unwritten storage are recognised as equal for free.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the calls so far."""
        self._index: int | None = None
        self._counting = False
        self._timestep: Any = None
        self._version = 0
        self._value: float | None = None  # of that timestep, where it was read
        self._direction = 0

    def tick(self, scheduler: Any, timestep: Any, *, may_read: bool) -> Tick:
        """Compare this call with the last one.

        Args:
            scheduler: the pipeline's scheduler, or None.
            timestep: the timestep argument of this call: number, tensor or None.
            may_read: whether a value may be read from an accelerator.
        """
        index = getattr(scheduler, "step_index", None)
        before, self._index = self._index, index
        self._counting = self._counting or index is not None
        if not self._counting:
            return self._compare(timestep, may_read)
        self._timestep = timestep
        if index == before:
            return Tick.SAME
        moved_on = index is not None and (before is None or index > before)
        return Tick.NEXT if moved_on else Tick.RESTART

    def _compare(self, timestep: Any, may_read: bool) -> Tick:
        last, self._timestep = self._timestep, timestep
        written, self._version = self._version, _version(timestep)
        before, self._value = self._value, None
        if not isinstance(timestep, (torch.Tensor, Real)):
            return Tick.UNKNOWN
        if _same_storage(timestep, last) and self._version == written:
            self._value = before
            return Tick.SAME
        if may_read or _on_host(timestep):
            self._value = _mean(timestep)
        now = self._value
        if now is None or before is None:
            return Tick.UNKNOWN
        if now == before:
            return Tick.SAME
        moved = 1 if now > before else -1
        restarts = self._direction * moved < 0
        self._direction = 0 if restarts else moved
        return Tick.RESTART if restarts else Tick.NEXT


def _on_host(timestep: Any) -> bool:
    return not isinstance(timestep, torch.Tensor) or timestep.device.type == "cpu"


def _same_storage(a: Any, b: Any) -> bool:
    if a is b:
        return isinstance(a, torch.Tensor)
    if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)):
        return False
    # `b` is still referenced, so its memory cannot have been given to another tensor.
    return a.data_ptr() == b.data_ptr() and a.dtype == b.dtype and a.numel() == b.numel()


def _version(timestep: Any) -> int:
    """How often the tensor, which a caller may write every timestep into, was written to."""
    counted = isinstance(timestep, torch.Tensor) and not timestep.is_inference()
    return timestep._version if counted else 0


def _mean(timestep: Any) -> float:
    if not isinstance(timestep, torch.Tensor):
        return float(timestep)
    if timestep.numel() == 1:
        return float(timestep.item())
    return float(timestep.detach().double().mean().item())
