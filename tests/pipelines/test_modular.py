"""diffusers' modular pipelines, whose calls take everything by ``**kwargs``."""

from __future__ import annotations

import pytest

import cache_dit
from cache_dit import DBCacheConfig, steps_mask
from cache_dit.verify import pipelines
from tests.pipelines.call_log import reused_steps

blocks = pytest.importorskip("diffusers.modular_pipelines.flux.modular_blocks_flux")

MASKED = DBCacheConfig(
    Fn_compute_blocks=1,
    max_warmup_steps=1,
    steps_computation_mask="fast",
    steps_computation_policy="static",
)


@pytest.mark.parametrize("told", [{"num_inference_steps": 8}, {}], ids=["told", "default"])
def test_the_length_of_a_run_is_known(told: dict[str, int]) -> None:
    entry = pipelines.get("FluxPipeline")
    whole = entry.build()
    pipe = blocks.FluxCoreDenoiseStep().init_pipeline()
    pipe.update_components(transformer=whole.transformer, scheduler=whole.scheduler)
    cache_dit.enable_cache(pipe, MASKED)
    texts = {n: v for n, v in entry.arguments(8).items() if n.endswith("prompt_embeds")}
    pipe(height=16, width=16, output="latents", **texts, **told)
    (stats,) = cache_dit.summary(pipe, logging=False)
    mask = steps_mask(total_steps=told.get("num_inference_steps", 50), mask_policy="fast")
    assert reused_steps(stats) == {"cond": [i for i, one in enumerate(mask) if not one]}
    cache_dit.disable_cache(pipe)
    assert cache_dit.summary(pipe, logging=False) == []
