"""What is remembered from step to step, for one branch of one group of blocks."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import torch

from .calibrators import Predictor
from .measure import Reference
from .policy import Progress, Reason

HALF = (torch.bfloat16, torch.float16)
NOISE = {torch.bfloat16: 5e-4, torch.float16: 1e-4, torch.float32: 1e-6}
"""Relative rounding noise of a snapshot; float64 is limited by its Gram matrix, not its dtype."""


GRAM_PIECE = 2**20
"""Elements of a snapshot that are converted to double precision at once."""

Form = tuple[torch.Size, torch.dtype, torch.device]


class Decision(NamedTuple):
    """What happened at one step.

    Attributes:
        step: index of the step in the run.
        reused: whether the skippable blocks were stood in for.
        reason: why.
        change: the relative change that was measured, if it was.
        threshold: what the change was compared with.
    """

    step: int
    reused: bool
    reason: Reason
    change: float | None = None
    threshold: float | None = None


class History:
    """Snapshots of one stream at the last computed steps, and the prediction from them."""

    def __init__(self, predictor: Predictor, absolute: bool = False) -> None:
        self.predictor = predictor
        self.absolute = absolute  # keep what leaves a region, not what the region adds
        self.residual = True  # whether snapshots are to be added to what enters the region
        self.entered: Form | None = None  # of what entered the region when they were taken
        self.steps: deque[int] = deque(maxlen=predictor.history)
        self.snapshots: deque[torch.Tensor] = deque(maxlen=predictor.history)

    def __bool__(self) -> bool:
        return bool(self.snapshots)

    def fits(self, entering: torch.Tensor | None) -> bool:
        """Whether a prediction can be made for a stream that enters the region like this."""
        return _form(entering) == self.entered

    def learn(self, step: int, entered: torch.Tensor | None, left: torch.Tensor) -> None:
        """Remember what a stream became; a new form of it forgets the old snapshots.

        Args:
            step: index of the computed step.
            entered: the stream at the region's entry, if it enters at all.
            left: the stream that left the region.
        """
        left = left.detach()
        if self.absolute or entered is None or entered.shape != left.shape:
            residual, snapshot = False, left.clone()
        else:
            residual, snapshot = True, left - entered.detach()
        if self.snapshots and (
            residual != self.residual or _form(snapshot) != _form(self.snapshots[-1])
        ):
            self.clear()
        self.residual, self.entered = residual, _form(entered)
        self.steps.append(step)
        self.snapshots.append(snapshot)

    def clear(self) -> None:
        """Forget everything."""
        self.steps.clear()
        self.snapshots.clear()

    def predict(self, step: int, entering: torch.Tensor | None) -> torch.Tensor:
        """What the stream becomes at ``step``: the weighted sum of the snapshots."""
        noise = NOISE.get(self.snapshots[-1].dtype, 1e-7)
        weights = self.predictor.weights(list(self.steps), step, self._gram, noise)
        return _weighted_sum(weights, self.snapshots, entering if self.residual else None)

    def _gram(self) -> torch.Tensor:
        """Inner products in double precision, piece by piece: they are squares, and single
        precision would leave nothing of modes a thousand times smaller than the largest."""
        total: torch.Tensor | None = None
        for pieces in zip(*(s.flatten().split(GRAM_PIECE) for s in self.snapshots), strict=True):
            rows = torch.stack(pieces)
            rows = rows.cpu() if rows.device.type == "mps" else rows  # which has no double
            inner = rows.double() @ rows.double().T
            total = inner if total is None else total + inner
        assert total is not None
        return total.cpu()


def _form(tensor: torch.Tensor | None) -> Form | None:
    return None if tensor is None else (tensor.shape, tensor.dtype, tensor.device)


def _weighted_sum(
    weights: Sequence[float], snapshots: Sequence[torch.Tensor], onto: torch.Tensor | None
) -> torch.Tensor:
    terms = [(w, s) for w, s in zip(weights, snapshots, strict=True) if w]
    (weight, first), *others = terms or [(0.0, snapshots[-1])]
    dtype = first.dtype
    narrow = dtype in HALF and (onto is None or onto.dtype == dtype)
    if narrow and others:
        first = first.float()  # single terms are many times as large as their sum
    total = first * weight if onto is None else torch.add(onto, first, alpha=weight)
    for weight, snapshot in others:
        total.add_(snapshot, alpha=weight)
    return total.to(dtype) if narrow else total


@dataclass
class CacheState:
    """All that a group remembers in one branch of a run.

    Attributes:
        histories: for each region of the group, a history for each of its streams.
        skips: for blocks behind the regions that take the output of a skipped block (U-Net skips),
            the history of that argument.
        reference: what the change is measured against: the signal at the last computed step.
        progress: counts since the run, or its last refresh, began.
        origin: step at which that was.
        decisions: what happened at each step of the run.
        given_back: bytes that were stored when everything stored was dropped.
    """

    histories: list[list[History]]
    skips: dict[int, History] = field(default_factory=dict)
    reference: Reference | None = None
    progress: Progress = field(default_factory=Progress)
    origin: int = 0
    decisions: list[Decision] = field(default_factory=list)
    given_back: int = 0

    def forget(self) -> None:
        """Drop every stored tensor; the counts and decisions of the run stay."""
        self.given_back = max(self.given_back, self.held_bytes())
        self.reference = None
        for history in self._each_history():
            history.clear()

    def restart(self, step: int) -> None:
        """Start afresh at ``step``, as a run does; only the record of the run stays."""
        self.forget()
        self.progress = Progress()
        self.origin = step

    def held_bytes(self) -> int:
        """Bytes of all stored tensors."""
        tensors = [s for history in self._each_history() for s in history.snapshots]
        tensors += [self.reference.held.tensor] if self.reference is not None else []
        return sum(t.numel() * t.element_size() for t in tensors)

    def _each_history(self) -> list[History]:
        return [*chain.from_iterable(self.histories), *self.skips.values()]
