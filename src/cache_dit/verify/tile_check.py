"""Are the tiles of an autoencoder over several ranks what they are on one, each computed once?"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from cache_dit.intercept import original_class
from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.autoencoders.data_parallelism import (
    AutoEncoderDataParallelismPlannerRegister,
)
from cache_dit.parallelism.tile_parallel import Share, TileParallel
from cache_dit.verify import autoencoders
from cache_dit.verify.autoencoders import AutoencoderEntry, Untiled
from cache_dit.verify.outputs import difference
from cache_dit.verify.ranks import ranks
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.traces import differences, traces

TOLERANCE = 1e-12
ADVICE = (
    "If calls for one tile need what the one before left behind, the plan must say what begins a "
    "tile (opens), or by which keyword features are handed on (carries)."
)


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


def verify_tiles(entry: AutoencoderEntry | Untiled, every_setting: bool) -> Report:
    """Compare one process with two ranks, and with three and four for every setting."""
    if isinstance(entry, Untiled):
        why = AutoEncoderDataParallelismPlannerRegister.why_refused(entry.class_name)
        return Report(entry.name, "vae", not_applicable=f"Not shared out: {why}.")
    report = Report(entry.name, "vae")
    for size in (2, 3, 4) if every_setting else (2,):
        for side, case in _cases(entry):
            report.findings.append(_checked(report, size, side, case))
    if report.failures:
        report.advice = entry.note or ADVICE
    return report


def _cases(entry: AutoencoderEntry) -> Iterator[tuple[str, Case]]:
    for side in entry.sides:
        for case in CASES:
            if entry.batches or case.batch == 1 or case.slicing:
                yield side, case


def _checked(report: Report, size: int, side: str, case: Case) -> Finding:
    setting = f"{size} ranks: {side}, {case.name}"
    try:
        outcomes = ranks(size).run(compare, report.model, side, case)
    except RuntimeError as error:
        return Finding(setting, problem=str(error))
    if case.name == "ragged":
        shared = f"{outcomes[0].tiles} tiles, max/mean {outcomes[0].imbalance:.2f}"
        report.details[f"{side}, {size} ranks"] = shared
    return _finding(setting, case, outcomes)


def _finding(setting: str, case: Case, outcomes: Sequence[Outcome]) -> Finding:
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
    elif not case.one_tile and outcomes[0].tiles < 2:
        problem = "There was nothing to share out."
    elif left:
        problem = f"After restore, {left[0]} differs ({len(left)} in all)."
    return Finding(setting, error, problem)


def compare(name: str, side: str, case: Case) -> Outcome:
    """One rank's part of a check; runs on all ranks at once."""
    entry = autoencoders.TILED[name]
    alone, together = entry.build(), entry.build()
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
            given = entry.input(side, case.batch, case.one_tile)
            others = dict.fromkeys(_required(vae, method))
            return entry.numbers(getattr(vae, method)(given, **others)), len(called)
    finally:
        for hook in hooks:
            hook.remove()


def _required(vae: Any, method: str) -> list[str]:
    """Parameters without a default, after the first: conditions, which may be None."""
    parameters = inspect.signature(getattr(original_class(vae), method)).parameters.values()
    named = [each for each in parameters if each.kind is each.POSITIONAL_OR_KEYWORD]
    return [each.name for each in named[2:] if each.default is each.empty]
