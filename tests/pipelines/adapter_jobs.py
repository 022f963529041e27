"""FLUX with a LoRA of peft, as users load it, on one process and on ranks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import nn

import cache_dit
from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.verify import pipelines
from cache_dit.verify.outputs import difference
from cache_dit.verify.traces import differences, traces

ENTRY = "FluxPipeline/prompt"
CHANGED = ("attn.to_q", "attn.add_k_proj", "to_out.0", "net.2", "proj_mlp", "proj_out")
"""Ends of the names of layers that the LoRA changes: cut by rows, by columns, and in blocks."""
STEPS = 4
CACHE = DBCacheConfig(
    Fn_compute_blocks=1,
    max_warmup_steps=1,
    residual_diff_threshold=9.0,
    max_continuous_cached_steps=1,
)


def save_lora(folder: Path, seed: int = 0, rank: int = 2, broken: bool = False) -> Path:
    """A file with a random LoRA for the transformer of the tiny FLUX.

    In a broken one, the two factors of the last update do not fit together.
    """
    source = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(*shape, generator=source, dtype=torch.float64)

    weights = {}
    for name, layer in pipelines.get(ENTRY).build().transformer.named_modules():
        if isinstance(layer, nn.Linear) and name.endswith(CHANGED):
            weights[f"transformer.{name}.lora_A.weight"] = draw(rank, layer.in_features)
            weights[f"transformer.{name}.lora_B.weight"] = draw(layer.out_features, rank)
    if broken:
        last = list(weights)[-1]
        weights[last] = draw(len(weights[last]), rank + 1)
    folder.mkdir(exist_ok=True)
    save_file(weights, folder / "pytorch_lora_weights.safetensors")
    return folder


def build() -> Any:
    """The pipeline, in double precision."""
    return pipelines.get(ENTRY).build().to(torch.float64)


def load(pipe: Any, folder: str | Path, name: str = "style") -> None:
    """Load the LoRA."""
    pipe.load_lora_weights(str(folder), adapter_name=name)


def run(pipe: Any, **more: Any) -> list[torch.Tensor]:
    """What comes out of one call of the pipeline."""
    return pipelines.get(ENTRY).run(pipe, STEPS, **more)


def over_ranks(folder: str, config: dict[str, Any], loaded_first: bool) -> tuple[Any, ...]:
    """(error, error with half of it, error without it, what is left, effect) of a LoRA.

    Each is against one process with the same cache. The LoRA is taken off again while the model is
    still spread.
    """
    pipe = build()
    cache_dit.enable_cache(pipe, CACHE)
    plain = run(pipe)
    load(pipe, folder)
    whole = run(pipe)
    pipe.set_adapters("style", 0.5)
    half = run(pipe)
    cache_dit.disable_cache(pipe)
    pipe.unload_lora_weights()
    before = traces(pipe.transformer)
    if loaded_first:
        load(pipe, folder)
    cache_dit.enable_cache(pipe, CACHE, parallelism_config=ParallelismConfig(**config))
    if not loaded_first:
        load(pipe, folder)
    errors = [difference(run(pipe), whole)]
    pipe.set_adapters("style", 0.5)
    errors.append(difference(run(pipe), half))
    pipe.unload_lora_weights()
    errors.append(difference(run(pipe), plain))
    cache_dit.disable_cache(pipe)
    left = differences(before, traces(pipe.transformer))
    return errors, left, difference(whole, plain)


def failing_on_one_rank(
    folder: str, broken: str, config: dict[str, Any]
) -> tuple[list[str], list[float], set[str]]:
    """What comes of it when one rank finds no LoRA, and later one beside the first that is broken.

    Returns:
        What this rank says to both, errors against one process with the LoRAs that did load, and
        what is left in the end.
    """
    pipe, said, errors = build(), [], []
    plain = run(pipe)
    load(pipe, folder)
    whole = run(pipe)
    pipe.unload_lora_weights()
    before = traces(pipe.transformer)
    cache_dit.enable_cache(pipe, parallelism_config=ParallelismConfig(**config))
    for place, expected in (("nowhere", plain), (broken, whole)):
        try:
            load(pipe, folder if dist.get_rank() == 0 else place, "other")
        except (ValueError, RuntimeError) as error:
            said.append(f"{type(error).__name__}: {error}")
        errors.append(difference(run(pipe), expected))
        if place == "nowhere":
            load(pipe, folder)
    pipe.unload_lora_weights()
    cache_dit.disable_cache(pipe)
    return said, errors, differences(before, traces(pipe.transformer))
