"""Is a text encoder that ranks share out what it is on one, in every layer?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.verify.outputs import difference, finite
from cache_dit.verify.ranks import ranks
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.text_encoders import ENTRIES, TextEncoderEntry
from cache_dit.verify.text_encoders.entry import Side
from cache_dit.verify.traces import differences, traces
from cache_dit.verify.widened import widened

TOLERANCE = 1e-9
DTYPE = torch.float64
SIDES: tuple[Side, ...] = ("right", "left")


@dataclass(frozen=True)
class Outcome:
    """What one rank found.

    Attributes:
        errors: largest relative error of all hidden states, for padding on either side.
        states: how many there are.
        held: bytes of parameters on this rank, and what the plan says.
        share: of the model's parameters.
        bytes_sent: by this rank.
        left: attributes, classes and weights that differ after the model was restored.
    """

    errors: dict[Side, float]
    states: int
    held: tuple[int, int]
    share: float
    bytes_sent: int
    left: tuple[str, ...]


def verify_text_encoder(entry: TextEncoderEntry, every_setting: bool) -> Report:
    """Compare one process with two ranks, and with four for every setting."""
    report = Report(entry.name, "te")
    for size in (2, 4) if every_setting else (2,):
        try:
            outcomes: Sequence[Outcome] = ranks(size).run(compare, entry.name, size)
        except RuntimeError as error:
            report.findings.append(Finding(f"{size} ranks", problem=str(error)))
            continue
        report.findings += _findings(size, outcomes)
        report.details[f"share of the parameters on one of {size} ranks"] = outcomes[0].share
    return report


def _findings(size: int, outcomes: Sequence[Outcome]) -> list[Finding]:
    findings = []
    for side in SIDES:
        error = max(each.errors[side] for each in outcomes)
        off = f"A hidden state is off by {error:.1e}; expected {TOLERANCE:.0e} at most."
        problem = "" if error <= TOLERANCE else off
        findings.append(Finding(f"{size} ranks, padded on the {side}", error, problem))
    problem = ""
    left = sorted({name for outcome in outcomes for name in outcome.left})
    if wrong := [each.held for each in outcomes if each.held[0] != each.held[1]]:
        problem = f"A rank holds {wrong[0][0]} bytes; the plan says {wrong[0][1]}."
    elif left:
        problem = f"After restore, {left[0]} differs ({len(left)} in all)."
    elif not all(outcome.bytes_sent for outcome in outcomes):
        problem = "A rank sent nothing: nothing was shared out."
    return [*findings, Finding(f"{size} ranks, bytes", problem=problem)]


def compare(name: str, size: int) -> Outcome:
    """One rank's part of a check; runs on all ranks at once."""
    entry = ENTRIES[name]
    with widened():
        model = entry.build(DTYPE)
        expected = {side: entry.encode(model, side, DTYPE) for side in SIDES}
        if not all(map(finite, expected.values())):
            raise ValueError(f"{name}: on one process, not all hidden states are finite.")
        weights = {key: value.clone() for key, value in model.state_dict().items()}
        before, whole = traces(model), _bytes(model)
        entry.encode(model, SIDES[0], DTYPE)
        volatile = differences(before, traces(model))
        parallelize([], ParallelismConfig(ulysses_size=size), [model])
        try:
            (parallel,) = parallelism_of(model)
            assert isinstance(parallel, TensorParallel)
            held, sent = _bytes(model), parallel.bytes_sent
            made = {side: entry.encode(model, side, DTYPE) for side in SIDES}
            sent = parallel.bytes_sent - sent
        finally:
            restore(model)
    state = model.state_dict()
    left = differences(before, traces(model)) - volatile
    left |= {key for key, value in weights.items() if not torch.equal(value, state[key])}
    saved = parallel.shards.saved(parallel.channel.size) * DTYPE.itemsize
    return Outcome(
        errors={side: difference(made[side], expected[side]) for side in SIDES},
        states=len(expected["right"]),
        held=(held, whole - saved),
        share=round(held / whole, 3),
        bytes_sent=sent,
        left=tuple(sorted(left)),
    )


def _bytes(model: torch.nn.Module) -> int:
    return sum(each.numel() * each.element_size() for each in model.parameters())
