"""Wan 2.2: one transformer for high and one for low noise; and pipelines that have one of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig, ParamsModifier
from cache_dit.verify import pipelines
from cache_dit.verify.pipelines.components import transformer
from tests.pipelines.call_log import CallLog, reused_steps, says, seen

ENTRY = pipelines.get("WanPipeline")
STEPS = 10
CONFIG = DBCacheConfig(
    Fn_compute_blocks=1,
    max_warmup_steps=1,
    residual_diff_threshold=1.0,
    max_continuous_cached_steps=1,
)
NEVER = DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0)


def wan22(boundary: float = 0.6, **components: Any) -> Any:
    """A pipeline with both transformers, of unequal weights and depth."""
    second = transformer("WanTransformer3DModel", num_layers=4)
    with torch.no_grad():
        second.proj_out.weight.neg_()
    return ENTRY.build(**{"transformer_2": second, "boundary_ratio": boundary, **components})


def logs(pipe: Any) -> dict[str, CallLog]:
    names = [name for name in ("transformer", "transformer_2") if getattr(pipe, name) is not None]
    return {name: CallLog(getattr(pipe, name), ENTRY.blocks(pipe, name)) for name in names}


def run(pipe: Any, steps: int = STEPS, **more: Any) -> torch.Tensor:
    return ENTRY.run(pipe, steps, **more)[0]


def test_each_transformer_has_its_own_part_of_the_run() -> None:
    pipe = wan22()
    log = logs(pipe)
    plain = run(pipe)
    calls = {name: len(each.calls) for name, each in log.items()}
    assert sum(calls.values()) == 2 * STEPS
    assert min(calls.values()) >= 6

    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert torch.equal(run(pipe), plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    outputs = []
    for _ in range(2):
        for each in log.values():
            each.calls.clear()
        outputs.append(run(pipe))
        for name, each in log.items():
            stats = cache_dit.summary(getattr(pipe, name), logging=False)
            steps = calls[name] // 2
            alternating = [step for step in range(steps) if step % 2]
            assert reused_steps(stats[0]) == {"cond": alternating, "uncond": alternating}
            assert seen(stats, each) == says(stats, each, ["cond", "uncond"] * steps)
    assert torch.equal(*outputs)
    assert len(cache_dit.summary(pipe, logging=False)) == 2

    cache_dit.disable_cache(pipe)
    assert torch.equal(run(pipe), plain)


@pytest.mark.parametrize("missing", ["transformer", "transformer_2"])
def test_a_pipeline_with_one_of_them(missing: str) -> None:
    """A boundary above all or below all timesteps, for what is there to be enough."""
    pipe = wan22(boundary=1.1 if missing == "transformer" else 0.0, **{missing: None})
    (log,) = logs(pipe).values()
    plain = run(pipe)
    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert torch.equal(run(pipe), plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    log.calls.clear()
    run(pipe)
    stats = cache_dit.summary(pipe, logging=False)
    assert reused_steps(stats[0])["cond"] == [1, 3, 5, 7, 9]
    assert seen(stats, log) == says(stats, log, ["cond", "uncond"] * STEPS)
    cache_dit.disable_cache(pipe)
    assert torch.equal(run(pipe), plain)


def test_settings_of_their_own() -> None:
    pipe = wan22()
    high, low = DBCacheConfig().reset(max_warmup_steps=2), DBCacheConfig().reset(max_cached_steps=1)
    modifiers = [ParamsModifier(cache_config=each) for each in (high, low)]
    cache_dit.enable_cache(pipe, cache_config=CONFIG, params_modifiers=modifiers)
    run(pipe)
    first, second = cache_dit.summary(pipe, logging=False)
    assert min(first.cached_steps) == 2
    assert second.cached_steps == [1]


def test_a_boundary_that_moves_between_runs() -> None:
    """The second transformer is not called at all in one run, and then is."""
    pipe = wan22()
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    expected = run(pipe)
    pipe.register_to_config(boundary_ratio=0.0)
    run(pipe)
    first, second = cache_dit.summary(pipe, logging=False)
    assert len(first.decisions["cond"]) == STEPS
    assert second.decisions == {}
    pipe.register_to_config(boundary_ratio=0.6)
    assert torch.equal(run(pipe), expected)
