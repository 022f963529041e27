"""Is a model over several ranks what it is on one? Every rank compares with its own single run."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import torch
import torch.distributed as dist

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.verify import zoo
from cache_dit.verify.first_difference import Calls, first_difference, watched
from cache_dit.verify.outputs import difference, other_shapes
from cache_dit.verify.ranks import ranks
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.traces import differences, traces
from cache_dit.verify.widened import widened

TOLERANCE = 1e-9

UNEVEN = {  # neither two, three nor four ranks divide the tokens
    "height": 5,
    "width": 5,
    "frames": 5,
    "side": 5,
    "length": 13,
    "reference": 5,
    "residues": 7,
}


@dataclass(frozen=True)
class Spread:
    """How a model is spread for a check."""

    name: str
    ranks: int
    config: dict[str, Any]


SPREADS = (
    Spread("ulysses 2", 2, {"ulysses_size": 2}),
    Spread("ring 2", 2, {"ring_size": 2}),
)
IN_8_BITS = Spread("ulysses 2, 8 bits", 2, {"ulysses_size": 2, "ulysses_float8": True})
MORE_SPREADS = (
    Spread("ulysses 2, overlapped", 2, {"ulysses_size": 2, "ulysses_async": True}),
    Spread("ring 2, allgather", 2, {"ring_size": 2, "ring_rotate_method": "allgather"}),
    Spread("ulysses 3", 3, {"ulysses_size": 3}),  # heads do not divide
    Spread("ring 3", 3, {"ring_size": 3}),
    Spread("ulysses 2 x ring 2", 4, {"ulysses_size": 2, "ring_size": 2}),
    Spread("ulysses 4", 4, {"ulysses_size": 4}),
)


@dataclass(frozen=True)
class Outcome:
    """What one rank found.

    Attributes:
        error: largest relative error against this rank's single run.
        bytes_sent: by this rank, in one call, for each way in which the model is spread.
        left: attributes and classes that differ after the model was restored.
        shapes: of the output, where they differ; see `other_shapes`.
    """

    error: float
    bytes_sent: tuple[int, ...]
    left: tuple[str, ...]
    shapes: str = ""


def verify_context_parallel(entry: zoo.Entry, every_setting: bool) -> Report:
    """Compare one process with two ranks, and with three and four for every setting."""
    report = Report(entry.name, "cp")
    spreads = (*SPREADS, *(MORE_SPREADS if every_setting else ()))
    for size in sorted({spread.ranks for spread in spreads}):
        alike = [spread for spread in spreads if spread.ranks == size]
        report.findings += check_spreads(entry.name, alike)
    if every_setting and not report.failures:  # not exact by design: reported, not judged
        (finding,) = check_spreads(entry.name, [IN_8_BITS], 1.0)
        report.details["error_in_8_bits"] = finding.error
    return report


def check_spreads(name: str, spreads: list[Spread], tolerance: float = TOLERANCE) -> list[Finding]:
    """Findings of several spreads over the same number of ranks."""
    try:
        configs = [spread.config for spread in spreads]
        by_rank = ranks(spreads[0].ranks).run(compare, name, configs)
    except RuntimeError as error:
        return [Finding(spreads[0].name, problem=str(error))]
    outcomes = zip(*by_rank, strict=True)
    return [
        _finding(name, spread, each, tolerance)
        for spread, each in zip(spreads, outcomes, strict=True)
    ]


def _finding(name: str, spread: Spread, outcomes: Sequence[Outcome], tolerance: float) -> Finding:
    error = max(outcome.error for outcome in outcomes)
    left = sorted({name for outcome in outcomes for name in outcome.left})
    problem = ""
    if not error <= tolerance:
        problem = next((each.shapes for each in outcomes if each.shapes), "") or off_by(
            error, tolerance, name, spread
        )
    elif left:
        problem = f"After restore, {left[0]} differs ({len(left)} in all)."
    elif not all(map(sum, zip(*(outcome.bytes_sent for outcome in outcomes), strict=True))):
        problem = "No rank sent anything: nothing was split."
    return Finding(spread.name, error, problem)


def off_by(error: float, tolerance: float, name: str, spread: Spread, even: bool = False) -> str:
    """That the output differs, and which module is the first whose output does.

    ``even``: with the sizes of the zoo, not with uneven ones.
    """
    off = f"The output is off by {error:.1e}; expected {tolerance:.0e} at most."
    if tolerance > TOLERANCE:  # everything differs a little
        return off
    try:
        where = ranks(spread.ranks).run(locate, name, spread.config, even)[0] or (
            "All modules give what they should: look at what the model does between and behind "
            "them."
        )
    except RuntimeError as failure:
        where = f"Where it begins is not known: {failure}"
    return f"{off} {where}"


def locate(name: str, config: dict[str, Any], even: bool = False) -> str:
    """One rank's part of finding where the output begins to differ; runs on all ranks at once."""
    with torch.no_grad(), widened():
        entry = zoo.get(name)
        model = entry.build(torch.float64)
        sizes = {} if even else _sizes(entry)
        with watched(model) as alone:
            call_model(entry, model, sizes)
        parallelize([model], ParallelismConfig(**config))
        try:
            with watched(model) as here:
                call_model(entry, model, sizes)
        finally:
            restore(model)
        by_rank: list[Calls] = [here] * dist.get_world_size()
        dist.all_gather_object(by_rank, here)
        return first_difference(alone, by_rank, TOLERANCE)


def compare(name: str, configs: Sequence[dict[str, Any]]) -> list[Outcome]:
    """One rank's part of a check; runs on all ranks at once."""
    rounded = any(config.get("ulysses_float8") for config in configs)
    with torch.no_grad(), nullcontext() if rounded else widened():
        return _compare(name, configs)


def _compare(name: str, configs: Sequence[dict[str, Any]]) -> list[Outcome]:
    entry, dtype = zoo.get(name), torch.float64
    model = entry.build(dtype)
    sizes = _sizes(entry)
    expected = call_model(entry, model, sizes)
    before = traces(model)
    call_model(entry, model, sizes)
    volatile = differences(before, traces(model))
    return [_outcome(entry, model, sizes, config, expected, volatile) for config in configs]


def _sizes(entry: zoo.Entry) -> dict[str, int]:
    """Uneven sizes that the model takes: as many of them as can be."""
    uneven = [(size, value) for size, value in UNEVEN.items() if size in entry.sizes]
    counts = range(len(uneven), 0, -1)
    for sizes in map(dict, chain.from_iterable(combinations(uneven, count) for count in counts)):
        try:
            call_model(entry, entry.build(torch.float64), sizes)
        except (RuntimeError, ValueError, IndexError):
            continue
        return sizes
    return {}


def _outcome(
    entry: zoo.Entry,
    model: torch.nn.Module,
    sizes: dict[str, int],
    config: dict[str, Any],
    expected: list[torch.Tensor],
    volatile: set[str],
) -> Outcome:
    before = traces(model)
    parallelize([model], ParallelismConfig(**config))
    ways = parallelism_of(model)
    before_call = [way.bytes_sent for way in ways]
    try:
        output = call_model(entry, model, sizes)
        sent = tuple(way.bytes_sent - old for way, old in zip(ways, before_call, strict=True))
    finally:
        restore(model)
    left = differences(before, traces(model)) - volatile
    shapes = other_shapes(output, expected)
    return Outcome(difference(output, expected), sent, tuple(sorted(left)), shapes)


def call_model(
    entry: zoo.Entry, model: torch.nn.Module, sizes: dict[str, int]
) -> list[torch.Tensor]:
    dtype = torch.float64
    filled = entry.prepare(model, dtype, **sizes)
    output = zoo.tensors(model(**entry.inputs(dtype, **sizes), **filled))
    caches = {id(tensor) for tensor in zoo.tensors(filled)}  # each rank keeps its heads or tokens
    return [tensor for tensor in output if id(tensor) not in caches]
