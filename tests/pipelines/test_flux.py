"""FLUX as users call it: prompts, fewer steps for image to image, ControlNet for a part of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import pipelines
from tests.pipelines.call_log import CallLog, reused_steps, says, seen

CONFIG = DBCacheConfig(
    Fn_compute_blocks=1,
    Bn_compute_blocks=1,
    residual_diff_threshold=1.0,
    max_continuous_cached_steps=1,
)


@pytest.mark.parametrize(("strength", "steps"), [(0.3, 3), (0.6, 6), (1.0, 10)])
def test_image_to_image_runs_a_part_of_the_steps(strength: float, steps: int) -> None:
    entry = pipelines.get("FluxImg2ImgPipeline")
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    entry.run(pipe, 10, strength=0.8)
    log.clear()
    entry.run(pipe, 10, strength=strength)
    stats = cache_dit.summary(pipe, logging=False)
    assert seen(stats, log) == says(stats, log, ["cond"] * steps)
    warmup = steps // 3  # the default of 8 is too long for so few steps
    assert reused_steps(stats[0])["cond"] == list(range(warmup, steps, 2))
    assert f"lowered from 8 to {warmup} for a run of {steps} steps" in stats[0].notes[0]


def test_blocks_of_the_head_and_the_tail_run_and_no_others() -> None:
    entry = pipelines.get("FluxPipeline")
    pipe = entry.build()
    config = DBCacheConfig(
        Fn_compute_blocks=2,
        Bn_compute_blocks=3,
        steps_computation_mask=[1, 0],
        max_warmup_steps=1,
        steps_computation_policy="static",
    )
    cache_dit.enable_cache(pipe, cache_config=config)
    ran: list[str] = []
    for name, module in pipe.transformer.named_modules():
        if name.count(".") == 1 and "transformer_blocks" in name:
            module.register_forward_pre_hook(lambda module, args, name=name: ran.append(name))
    entry.run(pipe, 2)
    double, single = "transformer_blocks", "single_transformer_blocks"
    head = [f"{double}.0", f"{double}.1"]
    between = [f"{double}.2", f"{double}.3", *(f"{single}.{i}" for i in range(3))]
    tail = [f"{single}.{i}" for i in range(3, 6)]
    assert ran == head + between + tail + head + tail


def test_prompts_become_images() -> None:
    entry = pipelines.get("FluxPipeline/prompt")
    pipe = entry.build()
    arguments: dict[str, Any] = {
        "prompt": ["a red cat", "the small dog on a boat"],
        "num_images_per_prompt": 2,
        "output_type": "np",
    }
    plain = entry.run(pipe, 6, **arguments)[0]
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    cached = entry.run(pipe, 6, **arguments)[0]
    assert plain.shape == cached.shape == (4, 16, 20, 3)
    assert cache_dit.summary(pipe, logging=False)[0].cached_steps == [2, 4]
    assert 0 < float((plain - cached).abs().max()) < 1
    images = pipe("a cat", height=16, width=20, num_inference_steps=3).images
    assert np.asarray(images[0]).shape == (16, 20, 3)


def test_controlnet_for_a_part_of_the_run() -> None:
    """Its residuals are zero from half of the steps on."""
    entry = pipelines.get("FluxControlNetPipeline")
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    half = {"control_guidance_end": 0.5}
    plain = entry.run(pipe, 8, **half)[0]
    assert not torch.equal(plain, entry.run(pipe, 8)[0])
    never = DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0)
    cache_dit.enable_cache(pipe, cache_config=never)
    assert torch.equal(entry.run(pipe, 8, **half)[0], plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    log.clear()
    entry.run(pipe, 8, **half)
    stats = cache_dit.summary(pipe, logging=False)
    assert seen(stats, log) == says(stats, log, ["cond"] * 8)


def test_a_one_step_request_does_not_stop_later_ones() -> None:
    """A server warms up with one step."""
    entry = pipelines.get("FluxPipeline")
    pipe = cache_dit.enable_cache(entry.build(), cache_config=CONFIG)
    entry.run(pipe, 1)
    (stats,) = cache_dit.summary(pipe, logging=False)
    assert stats.cached_steps == []
    assert any("all warm-up" in note for note in stats.notes)
    entry.run(pipe, 12)
    (stats,) = cache_dit.summary(pipe, logging=False)
    assert stats.cached_steps == [4, 6, 8, 10]
    assert not any("all warm-up" in note for note in stats.notes)
