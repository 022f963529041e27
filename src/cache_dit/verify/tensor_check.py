"""Is a model of shared-out width what it is on one process, and does it cost what it should?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.parallelism.transformers.tensor_parallelism import TensorParallelismPlannerRegister
from cache_dit.verify import zoo
from cache_dit.verify.context_check import TOLERANCE, Spread, call_model, check_spreads, off_by
from cache_dit.verify.outputs import difference
from cache_dit.verify.ranks import ranks
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.traces import differences, traces
from cache_dit.verify.widened import widened

TOGETHER = (Spread("ulysses 2 x tp 2", 4, {"ulysses_size": 2, "tp_size": 2}),)
MORE_TOGETHER = (
    Spread("ring 2 x tp 2", 4, {"ring_size": 2, "tp_size": 2}),
    Spread("ring 2 x ulysses 2 x tp 2", 8, {"ring_size": 2, "ulysses_size": 2, "tp_size": 2}),
)


@dataclass(frozen=True)
class Outcome:
    """What one rank found.

    Attributes:
        error: largest relative error against this rank's single run.
        numbers: how many numbers the rank's parameters hold, and how many they should.
        exchanges: (how many, bytes) of one call, and what the plan implies.
        left: attributes, classes and weights that differ after the model was restored.
        share: of the model's parameters that the rank holds.
    """

    error: float
    numbers: tuple[int, int]
    exchanges: tuple[tuple[int, int], tuple[int, int]]
    left: tuple[str, ...]
    share: float

    def problem(self) -> str:
        """What is wrong, but for the output; empty where nothing is."""
        if self.left:
            return f"After restore, {self.left[0]} differs ({len(self.left)} in all)."
        held, expected = self.numbers
        if held != expected:
            return f"A rank holds {held} numbers; the plan says {expected}."
        seen, implied = self.exchanges
        if seen != implied:
            return (
                f"{seen[0]} exchanges of {seen[1]} bytes; the plan says {implied[0]}, {implied[1]}."
            )
        return ""


def verify_tensor_parallel(entry: zoo.Entry, every_setting: bool) -> Report:
    """Compare one process with two ranks, and with four for every setting."""
    report = Report(entry.name, "tp")
    for size in (2, 4) if every_setting else (2,):
        report.findings += _check(entry.name, size, report.details)
    if not report.findings:
        report.findings.append(Finding("plan", problem=f"Never split: {report.details}."))
    return report


def verify_together(entry: zoo.Entry, every_setting: bool) -> Report:
    """Compare one process with four ranks that share out sequence and width."""
    report = Report(entry.name, "tp+cp")
    for spread in (*TOGETHER, *(MORE_TOGETHER if every_setting else ())):
        report.findings += check_spreads(entry.name, [spread])
    return report


def _check(name: str, size: int, details: dict[str, Any]) -> list[Finding]:
    """What was found; nothing where the model cannot be split so, which ``details`` then say."""
    try:
        answers: Sequence[Outcome | str] = ranks(size).run(compare, name, size)
    except RuntimeError as error:
        return [Finding(f"tp {size}", problem=str(error))]
    outcomes = [each for each in answers if isinstance(each, Outcome)]
    if not outcomes:
        details[f"tp {size}"] = answers[0]
        return []
    details[f"share of the parameters on one of {size} ranks"] = round(outcomes[0].share, 3)
    spread = Spread(f"tp {size}", size, {"tp_size": size})
    worst = max(each.error for each in outcomes)
    if not worst <= TOLERANCE:
        problem = off_by(worst, TOLERANCE, name, spread, even=True)
    else:
        problem = next(filter(None, (each.problem() for each in outcomes)), "")
    return [Finding(spread.name, worst, problem)]


def compare(name: str, size: int) -> Outcome | str:
    """One rank's part of a check; why there is none, if the width does not divide.

    Runs on all ranks at once.
    """
    with torch.no_grad(), widened():
        return _compare(name, size)


def _compare(name: str, size: int) -> Outcome | str:
    entry, dtype = zoo.get(name), torch.float64
    model = entry.build(dtype)
    config = ParallelismConfig(tp_size=size)
    planner = TensorParallelismPlannerRegister.get_planner(model)()
    try:
        prepared = planner.prepare(model, config)
    except ValueError as refusal:
        if "is not divisible by tp_size" in str(refusal):
            return str(refusal)
        raise
    implied, expected = _implied(prepared, entry, model)
    saved = prepared.shards.saved(size)
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    before = traces(model)
    call_model(entry, model, {})
    volatile = differences(before, traces(model))
    before = traces(model)
    parallelize([model], config)
    (parallel,) = parallelism_of(model)
    assert isinstance(parallel, TensorParallel)
    held = _count(model)
    begun = (parallel.channel.calls, parallel.bytes_sent)
    try:
        output = call_model(entry, model, {})
        sent = (parallel.channel.calls - begun[0], parallel.bytes_sent - begun[1])
    finally:
        restore(model)
    state = model.state_dict()
    left = differences(before, traces(model)) - volatile
    left |= {key for key, value in weights.items() if not torch.equal(value, state[key])}
    whole = _count(model)
    numbers = (held, whole - saved)
    error, names = difference(output, expected), tuple(sorted(left))
    return Outcome(error, numbers, (sent, implied), names, held / whole)


def _count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _implied(
    parallel: TensorParallel, entry: zoo.Entry, model: torch.nn.Module
) -> tuple[tuple[int, int], list[torch.Tensor]]:
    """(exchanges and bytes of one call that the plan implies, the output): seen on whole layers."""
    seen: list[int] = []
    size = parallel.channel.size

    def note(gives: str) -> Any:
        def hook(module: torch.nn.Module, args: Any, output: Any) -> None:
            value = output[0] if isinstance(output, (tuple, list)) else output
            length = value.numel() * value.element_size()
            if gives == "norm":
                kept = 2 if isinstance(module, torch.nn.LayerNorm) else 1
                length = length // value.shape[-1] * kept
            if gives == "whole":
                seen.append(length // size * (size - 1))
            else:
                seen.append(2 * length * (size - 1) // size)

        return hook

    calls = [(call.module(), call.style.gives) for call in parallel.shards.calls]
    hooks = [layer.register_forward_hook(note(gives)) for layer, gives in calls if layer and gives]
    output = call_model(entry, model, {})
    for hook in hooks:
        hook.remove()
    return (len(seen), sum(seen)), output
