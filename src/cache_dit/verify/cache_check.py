"""Does the cache do to a model what it promises? Everything is checked against the model itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from cache_dit.verify.advice import advise
from cache_dit.verify.cache_properties import CacheProperties
from cache_dit.verify.report import Report
from cache_dit.verify.settings import Setting
from cache_dit.verify.subject import MakeInputs, Prefill, Subject, adapter_of, described

TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-4}
"""dtype -> how far a reused output may be off when nothing has changed: rounding, no more."""


def check_cache(
    target: Any,
    make_inputs: MakeInputs,
    *,
    prefill: Prefill | None = None,
    every_setting: bool = False,
    tolerance: float | None = None,
    name: str | None = None,
) -> Report:
    """Verify that a model may be cached, whatever the settings.

    1. Reuse is exact: with the same inputs at every step a reused step returns what a computed one
       does, to rounding; at all fronts and tails, for all predictors, in every branch.
    2. Computing is exact: a cache that never reuses changes nothing, bit for bit.
    3. Every block runs exactly as often as the settings say, and `summary` tells the truth.
    4. Reuse follows the inputs, is decided on the stream that is denoised, and nothing of one run
       reaches the next.
    5. `disable_cache` leaves no trace.

    Use a small model with random weights in float64 whose block lists have four blocks or more::

        def make_inputs(step, seed):
            torch.manual_seed(seed)
            sample, direction, text = torch.randn(3, 1, 16, 64, dtype=torch.float64)
            return {
                "hidden_states": sample + 0.02 * step * direction,
                "encoder_hidden_states": text,
                "timestep": torch.tensor([900.0 - step]),
            }

        report = check_cache(MyTransformer(num_layers=4).double().eval(), make_inputs)
        print(report)  # what failed, and what to change
        assert report.ok

    Args:
        target: a `BlockAdapter`, a pipeline, or a transformer; one that is not registered has its
            blocks found automatically.
        make_inputs: ``make_inputs(step, seed)`` gives the keyword arguments of one call.
        prefill: for models with a key-value cache; see `Prefill`.
        every_setting: all settings instead of a telling few: minutes instead of a second.
        tolerance: for the relative error of reuse; None is 1e-10 in float64, 1e-4 in float32.
        name: how the report calls the model; None for the class of the transformer.

    Raises:
        ValueError: the model cannot be called as described, or its inputs show nothing.
    """
    started = time.perf_counter()
    with _quiet():
        subject = Subject(adapter_of(target), make_inputs, prefill)
        tolerance = tolerance or _tolerance(subject.transformer)
        model = name or type(subject.transformer).__name__
        report = Report(model, "cache", details=described(subject))
        report.findings = CacheProperties(subject, tolerance).check(every_setting)
        failing = {finding.setting.split()[0] for finding in report.failures}
        if failing & {"reuse", "denoised"}:
            report.advice = advise(
                subject, lambda other: _works(other, tolerance), reuses="reuse" not in failing
            )
    report.seconds = time.perf_counter() - started
    return report


def _works(subject: Subject, tolerance: float) -> bool:
    """Whether reuse is decided on the right stream and exact, as far as two settings show."""
    properties = CacheProperties(subject, tolerance)
    if properties.decides_on_the_denoised_stream().problem:
        return False
    return not any(properties.reuse(each).problem for each in (Setting(1, 0), Setting(2, 1)))


def _tolerance(transformer: torch.nn.Module) -> float:
    parameters = [each for each in transformer.parameters() if each.is_floating_point()]
    dtype = max(parameters, key=torch.numel).dtype if parameters else torch.float64
    if dtype not in TOLERANCES:
        raise ValueError(
            f"check_cache: {type(transformer).__name__} is in {dtype}, in which rounding hides "
            "mistakes. Use model.double(), or give a tolerance."
        )
    return TOLERANCES[dtype]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without a log line for every setting."""
    logger = logging.getLogger("cache_dit")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
