"""The figures of the demo are what they say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from cache_dit import DBCacheConfig
from cache_dit.demo import EmojiPipeline, load_demo_pipeline
from cache_dit.demo.measure import Comparison, Task, count_block_forwards
from cache_dit.demo.settings import Setting, standard_settings

STEPS, BLOCKS = 6, 12


@pytest.fixture(scope="module")
def pipe() -> EmojiPipeline:
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def comparison(pipe: EmojiPipeline) -> Comparison:
    return Comparison(pipe, Task(["3d red apple on sky"]), STEPS, lambda: None)


def cached(**fields: Any) -> Setting:
    config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2, **fields)
    return Setting("cached", STEPS, {"cache_config": config})


def test_real_block_forwards_are_counted(pipe: EmojiPipeline) -> None:
    with count_block_forwards(pipe.transformer) as count:
        pipe("flat cat", num_inference_steps=2, guidance_scale=1, output_type="np")
        assert count.total == 2 * BLOCKS
    assert not any(block._forward_pre_hooks for block in pipe.transformer.transformer_blocks)


def test_the_share_follows_from_the_mask(comparison: Comparison) -> None:
    mask = [1, 1, 0, 1, 0, 0]
    setting = cached(steps_computation_mask=mask, steps_computation_policy="static")
    result = comparison.measure(setting)
    assert comparison.baseline.blocks == 2 * STEPS * BLOCKS, "two branches"
    assert result.blocks == 2 * (3 * BLOCKS + 3 * 1), "the first block runs in reused steps"
    assert result.share == result.blocks / comparison.baseline.blocks
    assert 10 < result.psnr < 100
    assert 0 < result.ssim < 1
    assert result.stats is not None and result.stats.cached_steps == [2, 4, 5]


def test_a_cache_that_never_reuses_draws_the_same_pictures(comparison: Comparison) -> None:
    result = comparison.measure(cached(residual_diff_threshold=0.0))
    assert result.share == 1.0
    assert math.isinf(result.psnr)
    assert np.array_equal(result.images, comparison.baseline.images)


def test_the_control_has_as_many_steps_as_the_share_allows(comparison: Comparison) -> None:
    mask = [1, 1, 0, 0, 0, 0]
    setting = cached(steps_computation_mask=mask, steps_computation_policy="static")
    control = comparison.measure_control(comparison.measure(setting))
    assert control.setting.options is None
    assert control.setting.steps == 2
    assert control.share == pytest.approx(2 / STEPS)


def test_a_speedup_compares_with_the_uncached_calls_around(comparison: Comparison) -> None:
    result = comparison.measure(cached(residual_diff_threshold=0.1))
    comparison.baseline.seconds[:] = [4.0]
    result.seconds[:] = [2.0]
    comparison.pair(result)
    after = comparison.baseline.seconds[-1]
    assert result.speedup == pytest.approx((4.0 + after) / 2 / 2.0)


def test_the_cache_is_off_again_after_a_failure(pipe: EmojiPipeline) -> None:
    comparison = Comparison(pipe, Task(["flat cat"]), 2, lambda: None)
    classes = [type(block) for block in pipe.transformer.transformer_blocks]
    comparison.task = Task(["flat unicorm"])
    with pytest.raises(ValueError, match="unicorn"):
        comparison.measure(cached())
    assert [type(block) for block in pipe.transformer.transformer_blocks] == classes


@pytest.mark.parametrize("steps", [2, 3, 8, 28, 50])
def test_the_standard_settings_fit_any_number_of_steps(steps: int) -> None:
    settings = standard_settings(steps)
    assert len({setting.name for setting in settings}) == len(settings)
    for setting in settings:
        assert setting.options is not None
        mask = setting.options["cache_config"].steps_computation_mask
        assert mask is None or len(mask) == steps


def test_measuring_keeps_the_random_state(comparison: Comparison) -> None:
    before = torch.get_rng_state()
    comparison.measure(Setting("again", 2))
    assert torch.equal(before, torch.get_rng_state())


def test_the_control_of_a_cache_that_reuses_nothing_still_saves_a_step(
    comparison: Comparison,
) -> None:
    result = comparison.measure(cached(residual_diff_threshold=0.0))
    assert comparison.measure_control(result).setting.steps == STEPS - 1
