"""Compute, reuse, or measure first: the rules of the cache, in plain Python, without a tensor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from .config import DBCacheConfig


class Action(Enum):
    """What to do with the blocks that may be skipped."""

    COMPUTE = "compute"
    REUSE = "reuse"
    MEASURE = "measure"


class Reason(str, Enum):
    """Why a step was computed or reused."""

    FIRST = "first step"
    WARMUP = "warm-up"
    MASK = "mask says compute"
    BEYOND_MASK = "beyond the mask"
    MAX_CACHED = "max_cached_steps reached"
    MAX_CONTINUOUS = "max_continuous_cached_steps reached"
    NEVER = "threshold is 0 or less"
    SHAPE = "inputs changed shape"
    NOTHING_STORED = "nothing to reuse is stored"
    CACHE_WRITE = "this call writes a key-value cache"
    ABOVE = "change is not below the threshold"
    ACCUMULATED = "accumulated change reached its limit"
    NOT_FINITE = "change is not a finite number"
    STATIC = "static mask says reuse"
    ALWAYS = "threshold is 1 or more"
    BELOW = "change is below the threshold"
    FOLLOWS = "follows the conditional call"

    def __str__(self) -> str:
        return self.value


class Verdict(NamedTuple):
    """An action and the reason for it."""

    action: Action
    reason: Reason | None = None


@dataclass
class Progress:
    """Where a run stands, in numbers."""

    step: int = -1
    reused: int = 0
    reused_in_a_row: int = 0
    accumulated: float = 0.0

    def advance(self, reused: bool, change: float | None) -> None:
        """Count a step that has been decided."""
        if reused:
            self.reused += 1
            self.reused_in_a_row += 1
            self.accumulated += change or 0.0
        else:
            self.reused_in_a_row = 0
            self.accumulated = 0.0


def _compute(reason: Reason) -> Verdict:
    return Verdict(Action.COMPUTE, reason)


def _reuse(reason: Reason) -> Verdict:
    return Verdict(Action.REUSE, reason)


def verdict(config: DBCacheConfig, mask: list[int] | None, at: Progress) -> Verdict:
    """What to do at a step, as far as that is known without looking at a tensor.

    Earlier rules win: warm-up, the mask's 1, the limits, the mask's static 0, the threshold.
    """
    if at.step < config.max_warmup_steps and at.step % config.warmup_interval == 0:
        return _compute(Reason.WARMUP)
    if mask is not None and at.step >= len(mask):
        return _compute(Reason.BEYOND_MASK)
    if mask is not None and mask[at.step]:
        return _compute(Reason.MASK)
    if 0 <= config.max_cached_steps <= at.reused:
        return _compute(Reason.MAX_CACHED)
    if 0 <= config.max_continuous_cached_steps <= at.reused_in_a_row:
        return _compute(Reason.MAX_CONTINUOUS)
    if mask is not None and config.steps_computation_policy == "static":
        return _reuse(Reason.STATIC)
    if config.residual_diff_threshold <= 0:
        return _compute(Reason.NEVER)
    if always_similar(config):
        return _reuse(Reason.ALWAYS)
    return Verdict(Action.MEASURE)


def judge(config: DBCacheConfig, at: Progress, change: float, threshold: float) -> Verdict:
    """What to do now that the relative change is known."""
    if not math.isfinite(change):
        return _compute(Reason.NOT_FINITE)
    if change >= threshold and config.residual_diff_threshold < 1:
        return _compute(Reason.ABOVE)
    limit = config.max_accumulated_residual_diff_threshold
    if limit is not None and at.accumulated + change >= limit:
        return _compute(Reason.ACCUMULATED)
    return _reuse(Reason.BELOW)


def starts_afresh(config: DBCacheConfig, before: int, now: int) -> bool:
    """Whether a forced refresh is due after step ``before`` and not later than step ``now``."""
    hint = config.force_refresh_step_hint
    if hint is None:
        return False
    if config.force_refresh_step_policy == "repeat":
        return now // hint > before // hint
    return before < hint <= now


def always_similar(config: DBCacheConfig) -> bool:
    """Whether the change need not be known because every change is small enough."""
    unlimited = config.max_accumulated_residual_diff_threshold is None
    return config.residual_diff_threshold >= 1 and unlimited


def measures(config: DBCacheConfig) -> bool:
    """Whether any step of a run can ask for the change, so that its reference must be kept."""
    static = config.steps_computation_policy == "static" and config.steps_computation_mask
    return not static and config.residual_diff_threshold > 0 and not always_similar(config)
