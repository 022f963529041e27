"""The rules of the cache once more: slow, on single numbers, written from the documentation alone.

It describes `GainTransformer`: a state is one number, and block i multiplies it by ``1 + gain``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

Fields = dict[str, Any]

DEFAULTS: Fields = {
    "Fn_compute_blocks": 1,
    "Bn_compute_blocks": 0,
    "residual_diff_threshold": 0.08,
    "max_accumulated_residual_diff_threshold": None,
    "max_warmup_steps": 0,
    "warmup_interval": 1,
    "max_cached_steps": -1,
    "max_continuous_cached_steps": -1,
    "steps_computation_mask": None,
    "steps_computation_policy": "dynamic",
    "force_refresh_step_hint": None,
    "force_refresh_step_policy": "once",
}


@dataclass
class Outcome:
    """What is to be seen from outside of one transformer call."""

    reused: bool
    ran: list[int]
    out: float
    change: float | None = None  # the one that had to be measured


@dataclass
class Branch:
    """One CFG branch of one run."""

    fields: Fields
    gains: Sequence[float]
    order: int = 0  # of the Taylor expansion; 0 holds the last residual
    calls: int = 0
    born: int = 0  # the call at which it was last started afresh
    refreshed: bool = False
    points: list[tuple[int, float]] = field(default_factory=list)  # (call, residual)
    reference: float | None = None
    reused: int = 0
    in_a_row: int = 0
    summed: float = 0.0

    def call(self, level: float, leader: Outcome | None = None) -> Outcome:
        """One call; a ``leader`` is the call whose decision is to be followed."""
        self._refresh_if_due()
        front = self.fields["Fn_compute_blocks"]
        behind = len(self.gains) - self.fields["Bn_compute_blocks"]
        head = level * prod(1 + g for g in self.gains[:front])
        signal = head - level
        if leader is None:
            reuse, change = self._decide(signal)
        else:
            reuse, change = leader.reused and bool(self.points), None
        if reuse and front < behind:
            left = head + neville(self.points[-self.order - 1 :], self.calls)
            self.reused, self.in_a_row = self.reused + 1, self.in_a_row + 1
            self.summed += change or 0.0
        else:
            left = head * prod(1 + g for g in self.gains[front:behind])
            self.points.append((self.calls, left - head))
            self.reference, self.in_a_row, self.summed = signal, 0, 0.0
        self.calls += 1
        ran = [i for i in range(len(self.gains)) if not reuse or not front <= i < behind]
        out = left * prod(1 + g for g in self.gains[behind:])
        return Outcome(reuse, ran, out, change)

    def _refresh_if_due(self) -> None:
        hint = self.fields["force_refresh_step_hint"]
        if hint is None or self.calls - self.born != hint:
            return
        if self.fields["force_refresh_step_policy"] == "repeat" or not self.refreshed:
            self.born, self.refreshed = self.calls, True
            self.points, self.reference = [], None
            self.reused = self.in_a_row = 0
            self.summed = 0.0

    def _decide(self, signal: float) -> tuple[bool, float | None]:
        fields, step = self.fields, self.calls - self.born
        mask = fields["steps_computation_mask"]
        if step < fields["max_warmup_steps"] and step % fields["warmup_interval"] == 0:
            return False, None
        if mask is not None and (step >= len(mask) or mask[step] == 1):
            return False, None
        if not self.points:
            return False, None
        if self.reused == fields["max_cached_steps"]:
            return False, None
        if self.in_a_row == fields["max_continuous_cached_steps"]:
            return False, None
        if mask is not None and fields["steps_computation_policy"] == "static":
            return True, None
        return self._ask(signal)

    def _ask(self, signal: float) -> tuple[bool, float | None]:
        threshold = self.threshold()
        limit = self.fields["max_accumulated_residual_diff_threshold"]
        if self.fields["residual_diff_threshold"] <= 0:
            return False, None
        if threshold >= 1 and limit is None:  # always similar: the change need not be known
            return True, None
        assert self.reference is not None
        change = abs(signal - self.reference) / abs(self.reference)
        similar = threshold >= 1 or change < threshold
        within = limit is None or self.summed + change < limit
        return similar and within, change

    def threshold(self) -> float:
        return self.fields["residual_diff_threshold"]


@dataclass
class PrunedBlock(Branch):
    """One block of DBPrune: the signal is its input, and one gain is all it has."""

    def call(self, level: float, leader: Outcome | None = None) -> Outcome:
        self._refresh_if_due()
        reuse, change = self._decide(level)
        if reuse:
            out = level + neville(self.points[-self.order - 1 :], self.calls)
            self.reused, self.in_a_row = self.reused + 1, self.in_a_row + 1
            self.summed += change or 0.0
        else:
            out = level * (1 + self.gains[0])
            self.points.append((self.calls, out - level))
            self.reference, self.in_a_row, self.summed = level, 0, 0.0
        self.calls += 1
        return Outcome(reuse, [] if reuse else [0], out, change)


@dataclass
class Pruned:
    """All blocks of a DBPrune."""

    fields: Fields
    gains: Sequence[float]
    order: int = 0

    def __post_init__(self) -> None:
        last = len(self.gains) - self.fields["Bn_compute_blocks"]
        kept = self.fields.get("non_prune_block_ids", [])
        may = [i for i in range(self.fields["Fn_compute_blocks"], last) if i not in kept]
        self.blocks = {i: PrunedBlock(self.fields, [self.gains[i]], self.order) for i in may}

    def call(self, level: float) -> Outcome:
        ran: list[int] = []
        for i, gain in enumerate(self.gains):
            if i in self.blocks:
                outcome = self.blocks[i].call(level)
                level = outcome.out
                ran += [i] * len(outcome.ran)
            else:
                level *= 1 + gain
                ran.append(i)
        return Outcome(len(ran) < len(self.gains), ran, level)


def neville(points: Sequence[tuple[int, float]], at: int) -> float:
    """The value at ``at`` of the polynomial through all points, by Neville's scheme."""
    xs, values = [x for x, _ in points], [y for _, y in points]
    for width in range(1, len(points)):
        values = [
            ((at - xs[i + width]) * values[i] + (xs[i] - at) * values[i + 1])
            / (xs[i] - xs[i + width])
            for i in range(len(values) - 1)
        ]
    return values[0]
