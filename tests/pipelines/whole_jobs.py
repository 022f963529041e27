"""A whole pipeline over several ranks, as each of them sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

import cache_dit
from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.parallelism import parallelism_of
from cache_dit.parallelism.tile_parallel import TileParallel
from cache_dit.verify import pipelines
from cache_dit.verify.outputs import difference
from cache_dit.verify.traces import Traces, differences, traces

STEPS = 6
THRESHOLDS = {  # of which some steps are above and some below
    "FluxControlNetPipeline/prompt": 0.8,
    "FluxPipeline/prompt": 0.9,
    "QwenImagePipeline/prompt": 1.05,
    "WanPipeline/prompt": 0.6,
}
TILE = {  # smaller than the pictures
    "tile_sample_min_height": 32,
    "tile_sample_min_width": 32,
    "tile_sample_stride_height": 24,
    "tile_sample_stride_width": 24,
}


@dataclass(frozen=True)
class Outcome:
    """What one rank found.

    Attributes:
        error: largest relative error of the pictures against this rank's single run.
        decisions: steps that were reused, over ranks and alone.
        bytes_sent: by this rank, for the transformer.
        tiles: of the picture, computed by this rank and by all.
        held: share of the parameters that this rank has of each text encoder.
        left: what differs after `disable_cache`.
    """

    error: float
    decisions: tuple[Any, Any]
    bytes_sent: int
    tiles: tuple[int, int]
    held: dict[str, float]
    left: set[str]


def whole(name: str, extra: list[str], sizes: dict[str, int]) -> Outcome:
    """The pipeline with everything spread and cached, against one process with a cache."""
    entry = pipelines.get(name)
    pipe = entry.build().to(torch.float64)
    pipe.vae.enable_tiling(**(TILE if hasattr(pipe.vae, "tile_sample_min_height") else {}))
    alone, expected = cached(entry, pipe)
    before, numbers = left_of(pipe), count(pipe, extra)
    cached(entry, pipe)
    volatile = changed(before, pipe)
    before = left_of(pipe)
    spread = ParallelismConfig(**sizes, extra_parallel_modules=extra)
    found: dict[str, Any] = {}
    decisions, images = cached(entry, pipe, spread, found)
    return Outcome(
        error=difference(images, expected),
        decisions=(decisions, alone),
        bytes_sent=found["bytes_sent"],
        tiles=found["tiles"],
        held={name: found["held"][name] / numbers[name] for name in extra if "text" in name},
        left=changed(before, pipe) - volatile,
    )


def cached(
    entry: Any,
    pipe: Any,
    spread: ParallelismConfig | None = None,
    found: dict[str, Any] | None = None,
) -> tuple[list[Any], list[torch.Tensor]]:
    """(reused steps, pictures) of a run that begins with words and ends with pixels.

    What is only there while it is spread goes to ``found``.
    """
    cache = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=2,
        residual_diff_threshold=THRESHOLDS[entry.name],
        max_continuous_cached_steps=1,
    )
    cache_dit.enable_cache(pipe, cache, parallelism_config=spread)
    images = entry.run(pipe, STEPS, output_type="pt")
    if spread is not None and found is not None:
        found["bytes_sent"] = sum(each.bytes_sent for each in parallelism_of(pipe.transformer))
        (tiles,) = parallelism_of(pipe.vae)
        assert isinstance(tiles, TileParallel) and tiles.last is not None
        owners = tiles.last.owners
        found["tiles"] = (owners.count(tiles.mesh.sample.rank), len(owners))
        found["held"] = count(pipe, spread.extra_parallel_modules)
    stats = cache_dit.summary(pipe, logging=False)
    cache_dit.disable_cache(pipe)
    return [(each.cached_steps, each.cfg_cached_steps) for each in stats], images


def modules(pipe: Any) -> dict[str, nn.Module]:
    """The models of a pipeline by their names."""
    return {name: each for name, each in pipe.components.items() if isinstance(each, nn.Module)}


def count(pipe: Any, names: list[str]) -> dict[str, int]:
    """How many parameters each of these models has."""
    return {name: sum(each.numel() for each in getattr(pipe, name).parameters()) for name in names}


def left_of(pipe: Any) -> dict[str, tuple[Traces, dict[str, torch.Tensor]]]:
    """Everything that `disable_cache` has to restore."""
    return {
        name: (traces(each), {key: value.clone() for key, value in each.state_dict().items()})
        for name, each in modules(pipe).items()
    }


def changed(before: dict[str, tuple[Traces, dict[str, torch.Tensor]]], pipe: Any) -> set[str]:
    """What is not as it was."""
    found = set()
    for name, each in modules(pipe).items():
        old, weights = before[name]
        found |= {f"{name}.{what}" for what in differences(old, traces(each))}
        state = each.state_dict()
        found |= {f"{name}.{key}" for key in weights if not torch.equal(weights[key], state[key])}
    return found
