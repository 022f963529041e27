"""Are the tiles of an autoencoder over several ranks what they are on one, each computed once?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.autoencoders.data_parallelism import (
    AutoEncoderDataParallelismPlannerRegister,
)
from cache_dit.parallelism.tile_parallel import Share, TileParallel
from cache_dit.verify import autoencoders
from cache_dit.verify.autoencoders import AutoencoderEntry
from cache_dit.verify.outputs import difference
from cache_dit.verify.ranks import ranks
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.traces import differences, traces

TOLERANCE = 1e-12


@dataclass(frozen=True)
class Case:
    """One way in which an autoencoder is used."""

    name: str
    batch: int = 1
    slicing: bool = False
    one_tile: bool = False


CASES = (
    Case("ragged"),
    Case("batch of 2", batch=2),
    Case("slices of a batch", batch=2, slicing=True),
    Case("one tile", one_tile=True),
)


@dataclass(frozen=True)
class Outcome:
    """What one rank found in one case.

    Attributes:
        error: largest relative error against this rank's single run.
        calls: of workers that this rank computed, and of those of its single run.
        tiles: that were shared out in the last call.
        imbalance: most work of a rank over the mean.
        left: attributes and classes that differ after the model was restored.
    """

    error: float
    calls: tuple[int, int]
    tiles: int
    imbalance: float
    left: tuple[str, ...]


def verify_tiles(entry: AutoencoderEntry, every_setting: bool) -> Report:
    """Compare one process with two ranks, and with three and four for every setting."""
    report = Report(entry.name, "vae")
    register = AutoEncoderDataParallelismPlannerRegister
    if why := register.why_refused(entry.class_name):
        report.findings.append(Finding("plan", problem=f"No tiles to share out: {why}."))
        return report
    for size in (2, 3, 4) if every_setting else (2,):
        try:
            by_rank = ranks(size).run(compare, entry.name)
        except RuntimeError as error:
            report.findings.append(Finding(f"{size} ranks", problem=str(error)))
            continue
        for case in by_rank[0]:
            outcomes = [outcome[case] for outcome in by_rank]
            report.findings.append(_finding(f"{size} ranks: {case}", outcomes))
            if "ragged" in case:
                shared = f"{outcomes[0].tiles} tiles, max/mean {outcomes[0].imbalance:.2f}"
                report.details[f"{size} ranks: {case.split(',')[0]}"] = shared
    if report.failures:
        report.advice = entry.note or advice(report)
    return report


def advice(report: Report) -> str:
    """What to look at, where an autoencoder fails."""
    return (
        "If calls for one tile need what the one before left behind, its plan must say what begins "
        "a tile (opens), or by which keyword features are handed on (carries)."
    )


def _finding(setting: str, outcomes: Sequence[Outcome]) -> Finding:
    error = max(outcome.error for outcome in outcomes)
    computed = sum(outcome.calls[0] for outcome in outcomes)
    alone = outcomes[0].calls[1]
    left = sorted({name for outcome in outcomes for name in outcome.left})
    problem = ""
    if not error <= TOLERANCE:
        problem = f"The result is off by {error:.1e}; expected {TOLERANCE:.0e} at most."
    elif computed != alone:
        problem = f"The ranks computed {computed} times in all, and one process {alone} times."
    elif outcomes[0].tiles >= len(outcomes) and not all(outcome.calls[0] for outcome in outcomes):
        problem = "A rank computed nothing."
    elif "one tile" not in setting and outcomes[0].tiles < 2:
        problem = "There was nothing to share out."
    elif left:
        problem = f"After restore, {left[0]} differs ({len(left)} in all)."
    return Finding(setting, error, problem)


def compare(name: str) -> dict[str, Outcome]:
    """One rank's part of a check; runs on all ranks at once."""
    entry = autoencoders.ENTRIES[name]
    return {
        f"{side}, {case.name}": _outcome(entry, side, case)
        for side in entry.sides
        for case in CASES
        if entry.batches or case.batch == 1 or case.slicing
    }


def _outcome(entry: AutoencoderEntry, side: str, case: Case) -> Outcome:
    alone, together = entry.build(torch.float64), entry.build(torch.float64)
    alone.enable_tiling()
    before = traces(alone)
    expected, calls_alone = _call(entry, alone, side, case)
    volatile = differences(before, traces(alone))
    before = traces(together)
    parallelize([], ParallelismConfig(ulysses_size=dist.get_world_size()), [together])
    (parallel,) = parallelism_of(together)
    assert isinstance(parallel, TileParallel)
    try:
        output, calls = _call(entry, together, side, case)
    finally:
        restore(together)
    left = differences(before, traces(together)) - volatile - {".use_slicing"}
    share = parallel.last or Share((), (0,))
    return Outcome(
        difference(output, expected),
        (calls, calls_alone),
        len(share.owners),
        share.imbalance,
        tuple(sorted(left)),
    )


def _call(
    entry: AutoencoderEntry, vae: Any, side: str, case: Case
) -> tuple[list[torch.Tensor], int]:
    """The result, and how often this process called the workers for it."""
    plan = AutoEncoderDataParallelismPlannerRegister.get_planner(vae).plan
    called: list[str] = []
    hooks = [
        getattr(vae, name).register_forward_pre_hook(lambda *_: called.append(side))
        for name in plan.workers
        if hasattr(vae, name)
    ]
    vae.use_slicing = case.slicing
    method = side
    if case.one_tile:  # the public method would not use tiles for so little
        method = next(name for name in plan.methods if side in name and hasattr(vae, name))
    try:
        with torch.no_grad():
            given = entry.input(side, torch.float64, case.batch, case.one_tile)
            return entry.numbers(getattr(vae, method)(given)), len(called)
    finally:
        for hook in hooks:
            hook.remove()
