"""Guidance that is switched off and on in mid-run, and passes that exist at some steps only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.caching.policy import Reason
from cache_dit.verify import pipelines
from tests.pipelines.call_log import CallLog, reused_steps, says, seen

STEPS = 9
CONFIG = DBCacheConfig(
    Fn_compute_blocks=1,
    Bn_compute_blocks=1,
    max_warmup_steps=1,
    residual_diff_threshold=1.0,
    max_continuous_cached_steps=1,
)
NEVER = DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0)
Callback = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]


def without_guidance(steps: range) -> Callback:
    """A callback that leaves guidance out at these steps."""

    def callback(pipe: Any, step: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        pipe._guidance_scale = 1.0 if step + 1 in steps else 5.0
        return kwargs

    return callback


@pytest.mark.parametrize("name", ["WanPipeline", "ChromaPipeline"], ids=["named", "by order"])
@pytest.mark.parametrize("off", [range(4, STEPS), range(3, 6), range(1, STEPS, 2)], ids=str)
def test_branches_stay_apart_when_guidance_comes_and_goes(name: str, off: range) -> None:
    entry = pipelines.get(name)
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    callback = without_guidance(off)
    plain = entry.run(pipe, STEPS, callback_on_step_end=callback)[0]
    branches = [b for step in range(STEPS) for b in (("cond",) if step in off else entry.branches)]
    assert len(log.calls) == len(branches)

    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert torch.equal(entry.run(pipe, STEPS, callback_on_step_end=callback)[0], plain)

    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    log.clear()
    entry.run(pipe, STEPS, callback_on_step_end=callback)
    stats = cache_dit.summary(pipe, logging=False)
    assert seen(stats, log) == says(stats, log, branches)
    assert reused_steps(stats[0])["cond"] == [1, 3, 5, 7]


@pytest.mark.parametrize("name", ["QwenImagePipeline", "FluxPipeline/true_cfg", "ChromaPipeline"])
def test_runs_with_and_without_guidance(name: str) -> None:
    entry = pipelines.get(name)
    off = {"guidance_scale": 1.0} if name == "ChromaPipeline" else {"true_cfg_scale": 1.0}
    pipe = cache_dit.enable_cache(entry.build(), cache_config=CONFIG)
    fresh = cache_dit.enable_cache(entry.build(), cache_config=CONFIG)
    guided = entry.run(pipe, STEPS)[0]
    plain = entry.run(pipe, STEPS, **off)[0]
    (stats,) = cache_dit.summary(pipe, logging=False)
    assert set(stats.decisions) == {"cond"}
    assert (stats.cached_steps, stats.cfg_cached_steps) == ([1, 3, 5, 7], [])
    assert torch.equal(entry.run(fresh, STEPS, **off)[0], plain)
    assert torch.equal(entry.run(pipe, STEPS)[0], guided)


def test_guidance_in_one_batch_changes_shapes_in_mid_run() -> None:
    """As diffusers' documentation does it: the negative prompt's half of the text goes."""
    entry = pipelines.get("StableDiffusion3Pipeline")
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    texts = ["prompt_embeds", "pooled_prompt_embeds"]

    def callback(pipe: Any, step: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        if step == 4:
            pipe._guidance_scale = 1.0
            kwargs = {name: kwargs[name].chunk(2)[-1] for name in texts}
        return kwargs

    arguments = {"callback_on_step_end": callback, "callback_on_step_end_tensor_inputs": texts}
    plain = entry.run(pipe, STEPS, **arguments)[0]
    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert torch.equal(entry.run(pipe, STEPS, **arguments)[0], plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    log.clear()
    entry.run(pipe, STEPS, **arguments)
    stats = cache_dit.summary(pipe, logging=False)
    assert seen(stats, log) == says(stats, log, [""] * STEPS)
    assert reused_steps(stats[0])[""] == [1, 3, 6, 8]
    assert stats[0].decisions[""][5].reason is Reason.SHAPE


SKIP_LAYERS = {
    "skip_guidance_layers": [2, 3],
    "skip_layer_guidance_start": 0.2,
    "skip_layer_guidance_stop": 0.8,
}


@pytest.mark.parametrize("layers", [[2, 3], [4], [1, 4]], ids=str)
def test_skip_layer_guidance_is_a_branch_of_its_own(layers: list[int]) -> None:
    """Its pass leaves blocks out, and happens at steps 2 to 7 of 9."""
    entry = pipelines.get("StableDiffusion3Pipeline")
    arguments = {**SKIP_LAYERS, "skip_guidance_layers": layers}
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    plain = entry.run(pipe, STEPS, **arguments)[0]
    extra = len(log.calls) - STEPS
    assert extra >= 4
    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert torch.equal(entry.run(pipe, STEPS, **arguments)[0], plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    log.clear()
    cached = entry.run(pipe, STEPS, **arguments)[0]
    (stats,) = cache_dit.summary(pipe, logging=False)
    skipping = "+skip_layers"
    assert set(stats.decisions) == {"", skipping}
    assert reused_steps(stats)[""] == [1, 3, 5, 7]
    assert len(stats.decisions[skipping]) == extra
    reused = sum(decision.reused for decision in stats.decisions[skipping])
    ends_at_last = 4 in layers  # the region's last block never runs, so that nothing is learned
    assert reused == (0 if ends_at_last else extra // 2)
    ran = sum(call["transformer_blocks"] for call in log.calls)
    assert ran == 5 * 6 + 4 * 2 + (extra - reused) * (6 - len(layers)) + reused * 2
    assert not torch.equal(cached, plain)


def test_the_unconditional_branch_follows_the_conditional_one() -> None:
    entry = pipelines.get("QwenImagePipeline")
    pipe = entry.build()
    config = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=2,
        residual_diff_threshold=0.6,
        cfg_diff_compute_separate=False,
    )
    cache_dit.enable_cache(pipe, cache_config=config)
    entry.run(pipe, 16)
    (stats,) = cache_dit.summary(pipe, logging=False)
    reused = reused_steps(stats)
    assert reused["cond"] == reused["uncond"]
    assert 0 < len(reused["cond"]) < 14
    assert {each.reason for each in stats.decisions["uncond"]} == {Reason.FOLLOWS}


def test_a_call_that_fills_a_key_value_cache_is_computed_and_changes_nothing_else() -> None:
    """QwenImage 2.1 runs the text once, and image tokens alone after that."""
    entry = pipelines.get("QwenImage21Pipeline")
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    plain = entry.run(pipe, STEPS, use_kv_cache=True)[0]
    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert torch.equal(entry.run(pipe, STEPS, use_kv_cache=True)[0], plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    log.clear()
    cached = entry.run(pipe, STEPS, use_kv_cache=True)[0]
    counts = [call["transformer_blocks"] for call in log.calls]
    assert counts == [6, 6] + [6, 6, 2, 2] * 4
    assert not torch.equal(cached, plain)
