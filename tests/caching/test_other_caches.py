"""diffusers' own caches on the model that is to be cached."""

from __future__ import annotations

import diffusers
import pytest

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import zoo

FLUX = zoo.get("FluxTransformer2DModel")
CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)
OTHER = diffusers.FirstBlockCacheConfig(threshold=0.1)
COMPLAINT = r"FluxTransformer2DModel: diffusers' own cache is enabled \(FirstBlockCacheConfig\)"


def test_a_cache_that_is_there_already_is_not_cached_once_more() -> None:
    model = FLUX.build()
    model.enable_cache(OTHER)
    with pytest.raises(ValueError, match=COMPLAINT):
        cache_dit.enable_cache(model, CONFIG)
    assert type(model) is FLUX.model_class
    model.disable_cache()
    cache_dit.enable_cache(model, CONFIG)


def test_a_cache_that_is_put_there_later_is_found_when_a_run_begins() -> None:
    """diffusers does not know the classes of intercepted blocks, but of attention alone it does."""
    model = FLUX.build()
    cache_dit.enable_cache(model, CONFIG)
    model.enable_cache(
        diffusers.PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=2, current_timestep_callback=lambda: 500
        )
    )
    with pytest.raises(ValueError, match=r"own cache is enabled \(PyramidAttentionBroadcastConfig"):
        model(**FLUX.inputs())
    cache_dit.disable_cache(model)
    with model.cache_context("cond"):
        model(**FLUX.inputs())
