"""What can be verified of a model of the zoo: one function for each axis."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch

from cache_dit import BlockAdapterRegister
from cache_dit.verify import zoo
from cache_dit.verify.cache_check import check_cache
from cache_dit.verify.context_check import verify_context_parallel
from cache_dit.verify.report import Finding, Report

Verify = Callable[[zoo.Entry, bool], Report]
"""``verify(entry, every_setting)``"""


def verify_cache(entry: zoo.Entry, every_setting: bool) -> Report:
    """The cache, with the adapter that is registered for the model."""
    dtype = torch.float64
    model = entry.build(dtype)
    adapter = BlockAdapterRegister.get_adapter(model)
    return check_cache(
        adapter,
        lambda step, seed: entry.step_inputs(step, dtype, seed),
        prefill=partial(entry.prepare, model, dtype) if entry.prefill else None,
        every_setting=every_setting,
        name=entry.name,
    )


AXES: dict[str, Verify] = {"cache": verify_cache, "cp": verify_context_parallel}


def verify_model(name: str, axis: str = "cache", *, every_setting: bool = False) -> Report:
    """Verify one model of the zoo; whatever goes wrong is in the report.

    Args:
        name: of the entry in the zoo, such as ``"FluxTransformer2DModel/controlnet"``.
        axis: a key of `AXES`.
        every_setting: all settings, not a telling few.

    Raises:
        ValueError: no such model, or no such axis.
    """
    entry = zoo.get(name)
    if axis not in AXES:
        raise ValueError(f"verify: no axis {axis!r}. Use one of {', '.join(AXES)}.")
    if not entry.available:
        return Report(name, axis, not_applicable="The installed diffusers lacks this class.")
    started = time.perf_counter()
    try:
        report = AXES[axis](entry, every_setting)
    except Exception as error:  # a model that cannot even be tried is not verified
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        report = Report(name, axis, [Finding("preparation", problem=f"{kind}{error}")])
    report.seconds = time.perf_counter() - started
    return report
