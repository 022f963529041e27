"""Samplers that count steps, that do not, that evaluate a step twice, and that repeat timesteps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import pipelines
from cache_dit.verify.pipelines.components import from_diffusers
from tests.pipelines.call_log import CallLog, says, seen

pytestmark = [  # of diffusers' older schedulers, with a newer numpy
    pytest.mark.filterwarnings(f"ignore:{text}:DeprecationWarning")
    for text in ("__array__ implementation doesn't accept a copy", "__array_wrap__ must accept")
]

STEPS = 6
FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
NEVER = DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0)
CONFIG = DBCacheConfig(
    Fn_compute_blocks=1,
    max_warmup_steps=2,
    residual_diff_threshold=1.0,
    max_accumulated_residual_diff_threshold=3.0,
    max_continuous_cached_steps=1,
)
CASES: list[tuple[str, str, Mapping[str, Any]]] = [
    ("FluxPipeline", "FlowMatchEulerDiscreteScheduler", {"use_dynamic_shifting": True}),
    ("FluxPipeline", "UniPCMultistepScheduler", FLOW),
    ("FluxPipeline", "DPMSolverMultistepScheduler", {**FLOW, "use_dynamic_shifting": True}),
    ("WanPipeline", "FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ("ChromaPipeline", "UniPCMultistepScheduler", FLOW),  # branches in order, steps counted
    ("CogView4Pipeline", "FlowMatchEulerDiscreteScheduler", {}),
    ("HunyuanDiTPipeline", "DDIMScheduler", {}),  # no step_index
    ("HunyuanDiTPipeline", "PNDMScheduler", {"skip_prk_steps": True}),  # a timestep twice
    ("HunyuanDiTPipeline", "HeunDiscreteScheduler", {}),
    ("PixArtSigmaPipeline", "HeunDiscreteScheduler", {}),  # does not tell the number of calls
    ("PixArtSigmaPipeline", "KDPM2DiscreteScheduler", {}),
    ("PixArtSigmaPipeline", "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    ("PixArtSigmaPipeline", "EulerAncestralDiscreteScheduler", {}),
    ("PixArtSigmaPipeline", "PNDMScheduler", {"skip_prk_steps": True}),
    ("PixArtSigmaPipeline", "DDIMScheduler", {}),
]


@pytest.mark.parametrize(
    ("name", "scheduler", "config"), CASES, ids=[f"{name}-{kind}" for name, kind, _ in CASES]
)
def test_every_call_is_a_step(name: str, scheduler: str, config: Mapping[str, Any]) -> None:
    entry = pipelines.get(name)
    pipe = entry.build()
    pipe.scheduler = from_diffusers(scheduler, config)
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    plain = entry.run(pipe, STEPS)
    steps, rest = divmod(len(log.calls), len(entry.branches))
    assert rest == 0
    assert steps >= STEPS
    assert bool(plain[0].isfinite().all())

    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert all(torch.equal(*pair) for pair in zip(entry.run(pipe, STEPS), plain, strict=True))

    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    outputs = []
    for _ in range(2):
        log.clear()
        outputs.append(entry.run(pipe, STEPS))
        stats = cache_dit.summary(pipe, logging=False)
        assert seen(stats, log) == says(stats, log, list(entry.branches) * steps)
    assert all(torch.equal(*pair) for pair in zip(*outputs, strict=True))
    decisions = [each for stat in stats for each in stat.decisions.values()]
    assert all(len(each) == steps for each in decisions)
    assert any(decision.reused for each in decisions for decision in each)


def test_a_step_that_is_evaluated_twice_does_not_end_the_run() -> None:
    """Heun calls the transformer 2 n - 1 times; the pipeline tells n only."""
    entry = pipelines.get("PixArtSigmaPipeline")
    pipe = entry.build()
    pipe.scheduler = from_diffusers("HeunDiscreteScheduler")
    config = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=1,
        steps_computation_mask=[1] * (STEPS + 1) + [0] * (STEPS - 2),
        steps_computation_policy="static",
    )
    cache_dit.enable_cache(pipe, cache_config=config)
    entry.run(pipe, STEPS)
    (stats,) = cache_dit.summary(pipe, logging=False)
    assert stats.cached_steps == list(range(STEPS + 1, 2 * STEPS - 1))
    assert stats.notes == []


def test_a_second_loop_is_noticed_without_reading_the_timestep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on an accelerator, where a read would wait for it; the pipeline's scheduler stands still
    here, for it has a copy of it for each frame."""
    monkeypatch.setattr("cache_dit.caching.clock._on_host", lambda timestep: False)
    entry = pipelines.get("SkyReelsV2DiffusionForcingPipeline/long")
    pipe = entry.build()
    log = CallLog(pipe.transformer, entry.blocks(pipe))
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    entry.run(pipe, STEPS)
    stats = cache_dit.summary(pipe, logging=False)
    one_loop = says(stats, log, list(entry.branches) * STEPS)
    assert seen(stats, log) == one_loop * 2
    assert stats[0].cached_steps == [2, 4]
    assert stats[0].accumulated_executed_steps == 2 * STEPS
