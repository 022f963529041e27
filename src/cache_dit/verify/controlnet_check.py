"""Are a ControlNet and its transformer over several ranks what they are on one, cached or not?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cache_dit import DBCacheConfig, disable_cache, enable_cache, summary
from cache_dit.parallelism import ParallelismConfig, parallelism_of
from cache_dit.parallelism.context_parallel import ContextParallel
from cache_dit.verify.context_check import MORE_SPREADS, SPREADS, TOLERANCE, UNEVEN, Spread
from cache_dit.verify.controlnets import ENTRIES, ControlNetEntry, Pair
from cache_dit.verify.outputs import difference
from cache_dit.verify.ranks import ranks
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.traces import differences, traces
from cache_dit.verify.widened import widened

STEPS = (0, 0.1, 0.2, 6, 6.1, 6.2, 60, 60.1)  # with two jumps, one of which must be computed
STILL = (0, 0, 0)  # nothing changes: a reused step is a computed one
DTYPE = torch.float64


@dataclass(frozen=True)
class Outcome:
    """What one rank found.

    Attributes:
        residuals: largest relative error of what the ControlNet gives.
        output: that of what the transformer makes of it, without a cache.
        cached: that of a run with a cache.
        reused: that of steps which are reused while nothing changes, against a computed one.
        decisions: what was reused over ranks, and on one.
        bytes_sent: by the ControlNet on this rank.
        left: attributes and classes that differ after both models were restored.
    """

    residuals: float
    output: float
    cached: float
    reused: float
    decisions: tuple[Any, Any]
    bytes_sent: int
    left: tuple[str, ...]


def verify_controlnet(entry: ControlNetEntry, every_setting: bool) -> Report:
    """Compare one process with two ranks, and with three and four for every setting."""
    report = Report(entry.name, "controlnet", details={"transformer": entry.transformer})
    spreads = (*SPREADS, *(MORE_SPREADS if every_setting else ()))
    for size in sorted({spread.ranks for spread in spreads}):
        alike = [spread for spread in spreads if spread.ranks == size]
        try:
            by_rank = ranks(size).run(compare, entry.name, [spread.config for spread in alike])
        except RuntimeError as error:
            report.findings.append(Finding(alike[0].name, problem=str(error)))
            continue
        for spread, outcomes in zip(alike, zip(*by_rank, strict=True), strict=True):
            report.findings += _findings(spread, outcomes)
    return report


def _findings(spread: Spread, outcomes: Sequence[Outcome]) -> list[Finding]:
    findings = []
    for what in ("residuals", "output", "cached", "reused"):
        error = max(getattr(each, what) for each in outcomes)
        off = f"Off by {error:.1e}; expected {TOLERANCE:.0e} at most."
        findings.append(Finding(f"{what}: {spread.name}", error, "" if error <= TOLERANCE else off))
    problem = ""
    left = sorted({name for outcome in outcomes for name in outcome.left})
    if wrong := [each.decisions for each in outcomes if each.decisions[0] != each.decisions[1]]:
        problem = f"Steps {wrong[0][0]} are reused over ranks, {wrong[0][1]} on one."
    elif not all(0 < len(steps) < len(STEPS) - 1 for steps in outcomes[0].decisions[0]):
        problem = f"Reused are {outcomes[0].decisions[0]}: all or none, which shows nothing."
    elif left:
        problem = f"After disable_cache, {left[0]} differs ({len(left)} in all)."
    elif not sum(outcome.bytes_sent for outcome in outcomes):
        problem = "No rank sent anything for the ControlNet: nothing was split."
    return [*findings, Finding(f"decisions: {spread.name}", problem=problem)]


def compare(name: str, configs: Sequence[dict[str, Any]]) -> list[Outcome]:
    """One rank's part of a check; runs on all ranks at once."""
    with widened():
        return _compare(ENTRIES[name], configs)


def _compare(entry: ControlNetEntry, configs: Sequence[dict[str, Any]]) -> list[Outcome]:
    pair = entry.build(DTYPE)
    sizes = {size: value for size, value in UNEVEN.items() if size in entry.sizes}
    single = entry.step(pair, 0, DTYPE, **sizes)
    alone = _cached(entry, pair, None, STEPS, sizes)
    before = [traces(each) for each in (pair.controlnet, pair.transformer)]
    entry.step(pair, 0, DTYPE, **sizes)
    volatile = _left(before, pair)
    made = []
    for config in configs:
        before = [traces(each) for each in (pair.controlnet, pair.transformer)]
        spread = ParallelismConfig(**config, extra_parallel_modules=[pair.controlnet])
        enable_cache(pair.transformer, parallelism_config=spread)
        (parallel,) = parallelism_of(pair.controlnet)
        assert isinstance(parallel, ContextParallel)
        sent = parallel.bytes_sent
        entry.control(pair, 0, DTYPE, **sizes)
        sent = parallel.bytes_sent - sent
        residuals, output = entry.step(pair, 0, DTYPE, **sizes)
        disable_cache(pair.transformer)
        decisions, cached = _cached(entry, pair, spread, STEPS, sizes)
        _, still = _cached(entry, pair, spread, STILL, sizes)
        outcome = Outcome(
            residuals=difference(residuals, single[0]),
            output=difference(output, single[1]),
            cached=difference(cached, alone[1]),
            reused=difference(still, single[1] * len(STILL)),
            decisions=(decisions, alone[0]),
            bytes_sent=sent,
            left=tuple(sorted(_left(before, pair) - volatile)),
        )
        made.append(outcome)
    return made


def _cached(
    entry: ControlNetEntry,
    pair: Pair,
    spread: ParallelismConfig | None,
    steps: Sequence[float],
    sizes: dict[str, int],
) -> tuple[list[Any], list[torch.Tensor]]:
    """(reused steps, outputs) of a run with a cache."""
    cache = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=1,
        residual_diff_threshold=0.2,
        num_inference_steps=len(steps),
    )
    enable_cache(pair.transformer, cache, parallelism_config=spread)
    outputs = []
    for step in steps:
        outputs += entry.step(pair, step, DTYPE, **sizes)[1]
    made = [each.cached_steps for each in summary(pair.transformer, logging=False)]
    disable_cache(pair.transformer)
    return made, outputs


def _left(before: Sequence[Any], pair: Pair) -> set[str]:
    models = zip(before, (pair.controlnet, pair.transformer), strict=True)
    return {name for old, model in models for name in differences(old, traces(model))}
