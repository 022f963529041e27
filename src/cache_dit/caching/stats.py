"""What happened in the last run, for people and programs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from .config import DBPruneConfig
from .denoiser import Denoiser
from .grouping import Unit
from .session import CacheSession
from .state import Decision


@dataclass
class CacheStats:
    """The record of one block list (or chain of lists) in the last run.

    Fields that begin with ``cfg_`` are about the unconditional branch, their namesakes about the
    conditional one. ``accumulated_`` counts all runs since the cache was enabled.

    Attributes:
        name: the block list.
        cache_options: its settings, and the short tag of them under ``"tag"``.
        cached_steps: steps at which something was reused.
        residual_diffs: step -> relative change that was measured.
        accumulated_cached_steps: how many steps reused something.
        accumulated_executed_steps: how many steps there were, computed or reused.
        accumulated_transformer_executed_steps: how many passes over the blocks there were in all
            branches together.
        pruned_steps: DBPrune: the same as ``cached_steps``.
        pruned_blocks: DBPrune: for each step, how many blocks were reused.
        actual_blocks: DBPrune: for each step, how many blocks ran.
        pruned_ratio: DBPrune: share of all block calls that were reused.
        decisions: branch -> for each step, what was done and why. For DBPrune a step appears once
            for each block that may be pruned.
        held_bytes: bytes of all tensors stored now; all of it is given back when a pipeline ends.
        branch_bytes: branch -> bytes that the last run stored for it, before they were given back.
        notes: anything about the settings that one should know.
        parallelism_config: by which the transformer is spread over devices; None if it is not.
        quantize_config: None; quantization is not built yet.
    """

    name: str
    cache_options: dict[str, Any]
    cached_steps: list[int] = field(default_factory=list)
    residual_diffs: dict[int, float] = field(default_factory=dict)
    cfg_cached_steps: list[int] = field(default_factory=list)
    cfg_residual_diffs: dict[int, float] = field(default_factory=dict)
    accumulated_cached_steps: int = 0
    cfg_accumulated_cached_steps: int = 0
    accumulated_executed_steps: int = 0
    accumulated_transformer_executed_steps: int = 0
    pruned_steps: list[int] = field(default_factory=list)
    pruned_blocks: list[int] = field(default_factory=list)
    actual_blocks: list[int] = field(default_factory=list)
    pruned_ratio: float | None = None
    cfg_pruned_steps: list[int] = field(default_factory=list)
    cfg_pruned_blocks: list[int] = field(default_factory=list)
    cfg_actual_blocks: list[int] = field(default_factory=list)
    cfg_pruned_ratio: float | None = None
    decisions: dict[str, list[Decision]] = field(default_factory=dict)
    held_bytes: int = 0
    branch_bytes: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    parallelism_config: Any = None
    quantize_config: Any = None


def session_stats(
    session: CacheSession,
    chosen: Callable[[Any], bool],
    spread_by: Callable[[Any], Any] = lambda transformer: None,
) -> list[CacheStats]:
    """Statistics of some transformers.

    Args:
        session: whose.
        chosen: says of each transformer whether it is one of them.
        spread_by: gives the parallelism config of a transformer, if there is one.
    """
    found = []
    for cached in session.transformers:
        if chosen(model := cached.module()):
            config = None if model is None else spread_by(model)
            made = (unit_stats(unit, cached.denoiser) for unit in cached.units)
            found += [replace(each, parallelism_config=config) for each in made]
    return found


def unit_stats(unit: Unit, denoiser: Denoiser) -> CacheStats:
    """Statistics of one unit."""
    settings = unit.settings
    options = {"tag": unit.tag} | settings.cache.as_dict()
    stats = CacheStats(unit.name, options, decisions=_decisions(unit), notes=_notes(unit))
    unconditional = denoiser.is_unconditional
    plain, other = _by_condition(stats.decisions, unconditional)
    stats.cached_steps, stats.residual_diffs = _reused(plain), _changes(plain)
    stats.cfg_cached_steps, stats.cfg_residual_diffs = _reused(other), _changes(other)
    _accumulate(stats, unit, unconditional)
    if isinstance(settings.cache, DBPruneConfig):
        size = len(unit.references)
        stats.pruned_steps, stats.cfg_pruned_steps = stats.cached_steps, stats.cfg_cached_steps
        stats.pruned_blocks, stats.actual_blocks, stats.pruned_ratio = _pruned(plain, size)
        stats.cfg_pruned_blocks, stats.cfg_actual_blocks, stats.cfg_pruned_ratio = _pruned(
            other, size
        )
    for group in unit.groups:
        for (branch, _), state in group.states.items():
            stats.held_bytes += state.held_bytes()
            most = max(state.held_bytes(), state.given_back)
            stats.branch_bytes[branch] = stats.branch_bytes.get(branch, 0) + most
    return stats


def _by_condition(
    branches: dict[str, list[Decision]], unconditional: Callable[[str], bool]
) -> tuple[list[Decision], list[Decision]]:
    plain = [each for name, each in branches.items() if not unconditional(name)]
    other = [each for name, each in branches.items() if unconditional(name)]
    return list(chain.from_iterable(plain)), list(chain.from_iterable(other))


def _decisions(unit: Unit) -> dict[str, list[Decision]]:
    found: defaultdict[str, list[Decision]] = defaultdict(list)
    for group in unit.groups:
        for (branch, _), state in group.states.items():
            found[branch] += state.decisions
    for decisions in found.values():
        decisions.sort(key=lambda decision: decision.step)
    return dict(found)


def _notes(unit: Unit) -> list[str]:
    notes = [note for group in unit.groups[:1] for note in group.run.notes]
    if not any(group.regions for group in unit.groups):
        notes.append("No block may be skipped, so every step is computed.")
    return notes


def _reused(decisions: Iterable[Decision]) -> list[int]:
    return sorted({d.step for d in decisions if d.reused})


def _changes(decisions: Iterable[Decision]) -> dict[int, float]:
    """The change at each step; DBPrune measures one for each block, of which this is the mean."""
    found: defaultdict[int, list[float]] = defaultdict(list)
    for decision in decisions:
        if decision.change is not None:
            found[decision.step].append(decision.change)
    return {step: sum(values) / len(values) for step, values in found.items()}


def _pruned(decisions: list[Decision], size: int) -> tuple[list[int], list[int], float | None]:
    steps = sorted({d.step for d in decisions})
    counts = Counter(d.step for d in decisions if d.reused)
    pruned = [counts[step] for step in steps]
    ratio = sum(pruned) / (size * len(steps)) if steps else None
    return pruned, [size - count for count in pruned], ratio


def _accumulate(stats: CacheStats, unit: Unit, unconditional: Callable[[str], bool]) -> None:
    for group in unit.groups[:1]:
        for branch, counts in group.accumulated().items():
            stats.accumulated_transformer_executed_steps += counts["steps"]
            if unconditional(branch):
                stats.cfg_accumulated_cached_steps += counts["reused"]
            else:
                stats.accumulated_cached_steps += counts["reused"]
                stats.accumulated_executed_steps += counts["steps"]
