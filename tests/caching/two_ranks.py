"""What one rank does in the test of decisions that are taken together."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist

from cache_dit import DBCacheConfig, summary
from cache_dit.caching.known_sessions import put_in_place
from cache_dit.caching.session import CacheSession
from cache_dit.comm import Channel, SyncGroup
from tests.caching.toys import GainTransformer

LEVELS = {  # by how much the local signal changes on each rank, at steps 1, 2, ...
    0: [1.0, 1.0, 1.5, 1.5, 1.6, 1.0, 1.0, 1.25],
    1: [1.0, 1.25, 1.25, 1.0, 1.0, 1.7, 1.0, 1.0],
}
CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1, residual_diff_threshold=0.21)


def decisions(levels: list[float], sync: SyncGroup) -> tuple[list[bool], dict[int, float]]:
    """Which steps reuse, and the changes that were measured."""
    model = GainTransformer()
    adapter = model.adapter()
    put_in_place(CacheSession(adapter, CONFIG, sync=sync), model, adapter)
    reused = [model.at(level)[1] == [0] for level in levels]
    (stats,) = summary(model, logging=False)
    return reused, stats.residual_diffs


def main(rank: int, directory: str) -> None:
    dist.init_process_group(
        "gloo",
        init_method=f"file://{directory}/store",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=60),
    )
    alone = [dist.new_group([each]) for each in range(2)][rank]
    together = decisions(LEVELS[rank], SyncGroup(Channel(dist.group.WORLD)))
    # The ranks take different numbers of steps: a reduction over the world would never end.
    apart = decisions(LEVELS[rank][: 8 - 3 * rank], SyncGroup(Channel(alone)))
    Path(directory, f"{rank}.json").write_text(json.dumps({"together": together, "apart": apart}))
    dist.destroy_process_group()
