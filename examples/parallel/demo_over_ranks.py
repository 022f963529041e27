"""The demo's trained model over several CPU ranks: the same picture as on one.

torchrun --nproc_per_node=2 examples/parallel/demo_over_ranks.py --ulysses 2
torchrun --nproc_per_node=2 examples/parallel/demo_over_ranks.py --ring 2 --cache
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

import cache_dit
from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.demo import load_demo_pipeline
from cache_dit.parallelism import parallelism_of
from cache_dit.parallelism.context_parallel import ContextParallel

PROMPTS = ["3d red apple on sky", "flat cat on mint"]
TOLERANCE = 1 / 255 / 2
"""Half a step of an 8-bit picture."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ulysses", type=int, default=1)
    parser.add_argument("--ring", type=int, default=1)
    parser.add_argument("--cache", action="store_true", help="with the cache as well")
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=3) if options.cache else None
    spread = ParallelismConfig(ulysses_size=options.ulysses, ring_size=options.ring)

    if config:
        cache_dit.enable_cache(pipe, config)
    expected, seconds_alone = draw(pipe, options.steps)
    cache_dit.enable_cache(pipe, config, parallelism_config=spread)
    (parallel,) = parallelism_of(pipe.transformer)
    assert isinstance(parallel, ContextParallel)
    sent = parallel.bytes_sent
    pictures, seconds = draw(pipe, options.steps)
    sent = parallel.bytes_sent - sent
    cache_dit.disable_cache(pipe)

    apart = float(np.abs(pictures - expected).max())
    if dist.get_rank() == 0:
        print(f"one rank: {seconds_alone:.2f} s; {dist.get_world_size()} ranks: {seconds:.2f} s")
        print(f"sent by a rank in each step: {sent / options.steps / 1024:.0f} KiB")
        print(f"largest difference of a colour: {apart:.1e}")
    dist.destroy_process_group()
    if apart > TOLERANCE:
        raise SystemExit(f"The pictures differ by {apart:.1e}, more than {TOLERANCE:.1e}.")


def draw(pipe: Any, steps: int) -> tuple[np.ndarray, float]:
    """Pictures [B, H, W, 3] in 0..1 from the same noise each time, and the seconds they took."""
    generator = torch.Generator().manual_seed(0)
    dist.barrier()
    start = time.perf_counter()
    images = pipe(PROMPTS, num_inference_steps=steps, generator=generator, output_type="np").images
    return np.asarray(images), time.perf_counter() - start


if __name__ == "__main__":
    main()
