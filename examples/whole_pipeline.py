"""A whole pipeline on several devices: prompt, picture and pixels, the same as on one.

torchrun --nproc_per_node=2 examples/whole_pipeline.py
torchrun --nproc_per_node=2 examples/whole_pipeline.py --tp 2
torchrun --nproc_per_node=2 examples/whole_pipeline.py --model MODEL --prompt "..."
"""

from typing import Any

import numpy as np
import torch
from loading import arguments, draw, load

import cache_dit
from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.launch import joined
from cache_dit.verify import pipelines

SPREAD = ("text_encoder", "text_encoder_2", "text_encoder_3", "vae", "controlnet")


def main() -> None:
    options = arguments(__doc__, steps=6, ulysses=0, tp=1)
    with joined() as place:
        pipe = tiny() if options.model == "demo" else load(options.model, place.device)
        config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2)
        cache_dit.enable_cache(pipe, config)
        alone, whole = draw(pipe, options.prompt, options.steps), sizes(pipe)
        extra = [name for name in SPREAD if getattr(pipe, name, None) is not None]
        cache_dit.enable_cache(
            pipe,
            config,
            parallelism_config=ParallelismConfig(
                ulysses_size=options.ulysses or "auto",  # all ranks, unless it is given
                tp_size=options.tp,
                extra_parallel_modules=extra,
            ),
        )
        together, here = draw(pipe, options.prompt, options.steps), sizes(pipe)
        cache_dit.disable_cache(pipe)
        if place.first:
            print(
                f"{place.size} ranks; the largest difference: {np.abs(alone - together).max():.1e}"
            )
            for name in ("transformer", *extra):
                print(f"{name:16} {here[name] / whole[name]:.0%} of the weights on this rank")


def tiny() -> Any:
    """A FLUX pipeline with random weights; its pictures are larger than a tile."""
    pipe = pipelines.get("FluxPipeline/prompt").build()
    pipe.default_sample_size = 16
    pipe.vae.enable_tiling()
    return pipe


def sizes(pipe: Any) -> dict[str, int]:
    """How many parameters each model of a pipeline has on this rank."""
    return {
        name: sum(parameter.numel() for parameter in each.parameters())
        for name, each in pipe.components.items()
        if isinstance(each, torch.nn.Module)
    }


if __name__ == "__main__":
    main()
