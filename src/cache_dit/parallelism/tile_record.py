"""A tiled method runs twice: to see its tiles, and to put the finished ones together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from ..intercept import Call
from .tile_plan import TilePlan

QUESTIONS = {
    torch.Tensor.size,
    torch.Tensor.dim,
    torch.Tensor.numel,
    torch.Tensor.stride,
    torch.Tensor.is_contiguous,
    torch.Tensor.is_floating_point,
    torch.Tensor.__len__,
}
"""What a pending tensor answers truly."""


class Pending(torch.Tensor):
    """Stands for a tile that nobody has computed yet: whatever is made of it is pending too.

    It has one element along every dimension, so that stitching such tiles costs nothing.
    """

    @staticmethod
    def like(tensor: torch.Tensor) -> Pending:
        """A pending tensor of the same type, device and number of dimensions."""
        return tensor.new_empty([1] * tensor.ndim).as_subclass(Pending)

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        if func in QUESTIONS or getattr(func, "__name__", "") == "__get__":
            return super().__torch_function__(func, types, args, kwargs or {})
        given = tensors([*args, *(kwargs or {}).values()])
        pending = next(each for each in given if isinstance(each, Pending))
        return (pending,) * args[1] if func in (torch.chunk, torch.Tensor.chunk) else pending


@dataclass(frozen=True)
class Step:
    """One call for a tile: of a worker, or of what makes the modules ready for it."""

    call: Call
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    computes: bool = True

    @property
    def input(self) -> torch.Tensor:
        """What is computed with."""
        return next(tensors([*self.args, *self.kwargs.values()]))


@dataclass
class Tile:
    """The calls for one tile: each needs what the one before it has left behind."""

    steps: list[Step] = field(default_factory=list)

    @property
    def cost(self) -> int:
        """How much work it is, in numbers that go in."""
        return sum(step.input.numel() for step in self.steps if step.computes)

    def compute(self, carries: str = "") -> list[torch.Tensor]:
        """The outputs of its workers' calls. The calls are forgotten, with what they hold."""
        outputs, carried = [], None
        for step in self.steps:
            kwargs = step.kwargs if carried is None else {**step.kwargs, carries: carried}
            output = step.call(*step.args, **kwargs)
            if step.computes:
                output, carried = output if carries else (output, None)
                outputs.append(_dense(output))
        self.steps = []
        return outputs


class Recording:
    """Notes the calls that a tiled method makes for its tiles, in place of computing them."""

    def __init__(self, plan: TilePlan) -> None:
        self.plan = plan
        self.inputs: list[torch.Size] = []
        self.device: torch.device | None = None
        self._tiles: list[Tile] = []

    @property
    def tiles(self) -> list[Tile]:
        """Those for which something has to be computed."""
        return [tile for tile in self._tiles if tile.cost]

    def compute(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """In place of a worker's call."""
        step = Step(call, args, kwargs)
        if self._begins_tile(kwargs):
            self._tiles.append(Tile())
        self._tiles[-1].steps.append(step)
        self.inputs.append(step.input.shape)
        self.device = step.input.device
        pending = Pending.like(step.input)
        return (pending, pending) if self.plan.carries else pending

    def prepare(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around a call that makes the modules ready."""
        if args[:1] != (False,) or not self._tiles:
            self._tiles.append(Tile())
        self._tiles[-1].steps.append(Step(call, args, kwargs, computes=False))
        return call(*args, **kwargs)

    def _begins_tile(self, kwargs: dict[str, Any]) -> bool:
        if not self._tiles:
            return True
        return not self.plan.opens and kwargs.get(self.plan.carries) is None


class Replay:
    """Hands finished tiles to the tiled method, which puts them together, and forgets them."""

    def __init__(self, name: str, recording: Recording, finished: Iterable[torch.Tensor]) -> None:
        self.name = name
        self.plan = recording.plan
        self._expected = deque(zip(recording.inputs, finished, strict=True))

    def compute(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """In place of a worker's call."""
        shape, finished = self._expected.popleft() if self._expected else (None, None)
        if next(tensors([*args, *kwargs.values()])).shape != shape:
            raise RuntimeError(
                f"{self.name}: what its tiles are depends on what others contain, so that they "
                "cannot be shared out. Take it out of extra_parallel_modules."
            )
        return (finished, finished) if self.plan.carries else finished

    def prepare(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Around a call that makes the modules ready."""
        return call(*args, **kwargs)


def tensors(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """All tensors among values, and in lists and tuples of them."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors(value)


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor in a layout without gaps: its own, on which later rounding depends, if it can."""
    own = torch.empty_like(tensor, device="meta").stride() == tensor.stride()
    return tensor if own else tensor.contiguous()
