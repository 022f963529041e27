"""What is switched on around a pipeline, and what a call of it takes."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

import cache_dit
from cache_dit import CacheStats, DBCacheConfig, ParallelismConfig
from cache_dit.compile_configs import set_compile_configs
from cache_dit.generate.outputs import output_of

OFFLOADS = {
    "model": "enable_model_cpu_offload",
    "sequential": "enable_sequential_cpu_offload",
    "group": "enable_group_offload",
}


@dataclass(frozen=True)
class Outcome:
    """One call of a pipeline.

    Attributes:
        kind: ``"images"``, ``"frames"`` or ``"audios"``.
        outputs: one array for each sample.
        seconds: that it took.
        peak: bytes of memory in use at most.
        stats: of the cache; empty without one.
    """

    kind: str
    outputs: np.ndarray
    seconds: float
    peak: int
    stats: list[CacheStats]


def settings_of(
    pipe: Any,
    settings: Mapping[str, Any],
    cache: bool,
    sizes: Mapping[str, int | None],
    text: bool,
    vae: bool,
) -> dict[str, Any]:
    """Keyword arguments of `enable_cache` from a file's settings and the options beside it."""
    made = dict(settings)
    if cache and "cache_config" not in made:
        made["cache_config"] = DBCacheConfig()
    given = {f"{axis}_size": size for axis, size in sizes.items() if size is not None}
    modules = [name for name in _components(pipe, "text_encoder") if text]
    modules += [name for name in _components(pipe, "vae") if vae]
    if given or modules:
        spread = made.get("parallelism_config") or ParallelismConfig()
        for name, size in given.items():
            setattr(spread, name, size)
        spread.extra_parallel_modules = [*spread.extra_parallel_modules, *modules]
        made["parallelism_config"] = spread
    return made


def without_cache(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, of which the cache is none."""
    cache = ("cache_config", "calibrator_config", "params_modifiers")
    return {name: value for name, value in settings.items() if name not in cache}


def enable(pipe: Any, settings: Mapping[str, Any]) -> None:
    """Put these settings in the place of whatever was on."""
    cache_dit.disable_cache(pipe)
    if settings:
        cache_dit.enable_cache(pipe, **settings)


def place(pipe: Any, device: torch.device, offload: str | None) -> None:
    """Move a pipeline to where it runs, or let it move there part by part.

    Raises:
        ValueError: an unknown way of offloading, or no GPU to bring the parts to.
    """
    if offload is None:
        pipe.to(device)
        return
    if offload not in OFFLOADS:
        raise ValueError(f"--offload {offload}: unknown. Use one of {', '.join(OFFLOADS)}.")
    if device.type == "cpu":
        raise ValueError(
            f"--offload {offload}: keeps parts of the pipeline away from the GPU, but it runs on "
            "the CPU. Leave the option out."
        )
    options = {"onload_device": device} if offload == "group" else {"device": device}
    getattr(pipe, OFFLOADS[offload])(**options)


def compile_transformers(pipe: Any) -> None:
    """Compile the repeated blocks of each transformer."""
    set_compile_configs()
    for name in _components(pipe, "transformer"):
        getattr(pipe, name).compile_repeated_blocks(fullgraph=True)


def run(pipe: Any, arguments: Mapping[str, Any], device: torch.device) -> Outcome:
    """Call the pipeline once; the generator starts where it did before."""
    generator = arguments.get("generator")
    state = generator.get_state() if generator is not None else None
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    with torch.no_grad():
        kind, outputs = output_of(pipe(**arguments))
    seconds = time.perf_counter() - start
    if generator is not None:
        generator.set_state(state)
    return Outcome(kind, outputs, seconds, _peak(device), cache_dit.summary(pipe, logging=False))


def _components(pipe: Any, prefix: str) -> Sequence[str]:
    return [
        name
        for name, component in pipe.components.items()
        if name.startswith(prefix) and isinstance(component, nn.Module)
    ]


def _peak(device: torch.device) -> int:
    """Of the GPU in this call; elsewhere of the process so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
