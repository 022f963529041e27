"""Weights that are fetched when they are needed, by accelerate and by diffusers, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import accelerate
import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import pipelines
from tests.pipelines.call_log import CallLog, reused_steps, says, seen

CPU = torch.device("cpu")
STEPS = 5
CONFIG = DBCacheConfig(
    Fn_compute_blocks=1,
    max_warmup_steps=1,
    steps_computation_mask=[1, 1, 0, 1, 0],
    steps_computation_policy="static",
)
ENTRY = pipelines.get("FluxPipeline")


def model_offload(pipe: Any) -> None:
    pipe.enable_model_cpu_offload(device=CPU)


def sequential_offload(pipe: Any) -> None:
    """What ``enable_sequential_cpu_offload`` does, which itself wants an accelerator."""
    accelerate.cpu_offload(pipe.transformer, CPU, offload_buffers=True)
    accelerate.cpu_offload(pipe.vae, CPU)


def group_offload_of_blocks(pipe: Any) -> None:
    pipe.transformer.enable_group_offload(
        onload_device=CPU, offload_device=CPU, offload_type="block_level", num_blocks_per_group=1
    )


def group_offload_of_leaves(pipe: Any) -> None:
    pipe.transformer.enable_group_offload(
        onload_device=CPU, offload_device=CPU, offload_type="leaf_level"
    )


def group_offload_of_the_pipeline(pipe: Any) -> None:
    pipe.enable_group_offload(
        onload_device=CPU, offload_device=CPU, offload_type="block_level", num_blocks_per_group=1
    )


def layerwise_casting(pipe: Any) -> None:
    pipe.transformer.enable_layerwise_casting(
        storage_dtype=torch.float16, compute_dtype=torch.float32
    )


EVERY_WAY = [
    model_offload,
    sequential_offload,
    group_offload_of_blocks,
    group_offload_of_leaves,
    group_offload_of_the_pipeline,
    layerwise_casting,
]


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("offload", EVERY_WAY)
def test_they_work_before_and_after_enabling_and_when_disabled(
    offload: Callable[[Any], None], before: bool
) -> None:
    pipe = ENTRY.build()
    log = CallLog(pipe.transformer, ENTRY.blocks(pipe))
    plain, cached = expected(offload)
    if before:
        offload(pipe)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    if not before:
        offload(pipe)
    assert torch.equal(run(pipe), cached)
    stats = cache_dit.summary(pipe, logging=False)
    assert reused_steps(stats[0]) == {"cond": [2, 4]}
    assert seen(stats, log) == says(stats, log, ["cond"] * STEPS)
    cache_dit.disable_cache(pipe)
    assert torch.equal(run(pipe), plain)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    assert torch.equal(run(pipe), cached)


def run(pipe: Any) -> torch.Tensor:
    return ENTRY.run(pipe, STEPS)[0]


def expected(offload: Callable[[Any], None]) -> tuple[torch.Tensor, torch.Tensor]:
    """Output without and with the cache; casting changes the weights, nothing else does."""
    pipe = ENTRY.build()
    if offload is layerwise_casting:
        offload(pipe)
    plain = run(pipe)
    return plain, run(cache_dit.enable_cache(pipe, cache_config=CONFIG))


def test_weights_of_skipped_blocks_are_not_fetched() -> None:
    pipe = ENTRY.build()
    sequential_offload(pipe)
    fetched: list[str] = []
    for name, module in pipe.transformer.named_modules():
        if isinstance(module, nn.Linear) and "transformer_blocks" in name:
            fetching(module, name, fetched)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    steps: list[int] = []

    def callback(pipe: Any, step: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        steps.append(len(fetched))
        return kwargs

    ENTRY.run(pipe, STEPS, callback_on_step_end=callback)
    every = steps[0]
    head = sum(name.startswith("transformer_blocks.0.") for name in fetched[:every])
    grown = [now - before for before, now in zip([0, *steps], steps, strict=False)]
    assert 0 < head < every / 5
    assert grown == [every, every, head, every, head]


def fetching(module: nn.Module, name: str, fetched: list[str]) -> None:
    """Note in ``fetched`` when the offloading hook of a layer brings its weights."""
    hook: Any = module._hf_hook
    pre_forward = hook.pre_forward

    def noted(*args: Any, **kwargs: Any) -> Any:
        fetched.append(name)
        return pre_forward(*args, **kwargs)

    hook.pre_forward = noted


def test_prefetching_is_refused() -> None:
    """The stream is put there by hand: diffusers wants an accelerator for it."""
    pipe = ENTRY.build()
    group_offload_of_blocks(pipe)
    plain = run(pipe)
    groups = [
        module._diffusers_hook.hooks["group_offloading"].group
        for module in pipe.transformer.transformer_blocks
        if "group_offloading" in module._diffusers_hook.hooks
    ]
    for group in groups:
        group.stream = object()
    with pytest.raises(ValueError, match="use_stream=False"):
        cache_dit.enable_cache(pipe, cache_config=CONFIG)
    for group in groups:
        group.stream = None
    assert torch.equal(run(pipe), plain)


def test_hooks_can_be_taken_off_a_cached_pipeline() -> None:
    pipe = ENTRY.build()
    _, cached = expected(sequential_offload)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    sequential_offload(pipe)
    assert torch.equal(run(pipe), cached)
    pipe.remove_all_hooks()
    assert torch.equal(run(pipe), cached)
