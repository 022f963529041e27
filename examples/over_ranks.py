"""One picture on several devices (GPUs, or processes of this machine), the same as on one.

torchrun --nproc_per_node=2 examples/over_ranks.py
torchrun --nproc_per_node=2 examples/over_ranks.py --ring 2 --cache 1
torchrun --nproc_per_node=2 examples/over_ranks.py --model MODEL --prompt "..."
"""

import argparse
import time
from typing import Any

import numpy as np
from loading import arguments, draw, load

import cache_dit
from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.launch import joined
from cache_dit.metrics import compute_psnr
from cache_dit.parallelism import parallelism_of

HALF_A_COLOUR = 1 / 255 / 2


def main() -> None:
    options = arguments(__doc__, steps=12, ulysses=0, ring=1, cache=0)
    with joined() as place:
        pipe = load(options.model, place.device)
        config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=3) if options.cache else None
        if config:
            cache_dit.enable_cache(pipe, config)
        alone, seconds_alone = timed(pipe, options)
        cache_dit.enable_cache(
            pipe,
            cache_config=config,
            parallelism_config=ParallelismConfig(
                ulysses_size=options.ulysses or "auto",  # all ranks, unless it is given
                ring_size=options.ring,
            ),
        )
        together, seconds = timed(pipe, options)
        mesh = parallelism_of(pipe.transformer)[0].mesh
        cache_dit.disable_cache(pipe)
        if place.first:
            likeness = compute_psnr(alone, together).value
            ranks = f"{place.size} ranks (ulysses {mesh.ulysses.size}, ring {mesh.ring.size})"
            print(f"one rank {seconds_alone:.2f} s, {ranks} {seconds:.2f} s")
            print(
                f"{likeness:.0f} dB apart; the largest difference of a colour is "
                f"{np.abs(alone - together).max():.1e}"
            )
        if np.abs(alone - together).max() > HALF_A_COLOUR:
            raise SystemExit("The pictures differ.")


def timed(pipe: Any, options: argparse.Namespace) -> tuple[np.ndarray, float]:
    """A picture, and the seconds that it took."""
    start = time.perf_counter()
    return draw(pipe, options.prompt, options.steps), time.perf_counter() - start


if __name__ == "__main__":
    main()
