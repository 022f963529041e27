"""IP-Adapters with the cache and over ranks, as users load and change them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import cache_dit
from cache_dit.verify import check_cache, zoo
from cache_dit.verify.ranks import ranks
from cache_dit.verify.traces import differences, traces
from tests.pipelines import ip_adapter_jobs
from tests.pipelines.ip_adapter_jobs import CACHE, FLUX, SD3, build, load, run

TRANSFORMERS = {FLUX: "FluxTransformer2DModel", SD3: "SD3Transformer2DModel"}
ULYSSES, RING = {"ulysses_size": 2}, {"ring_size": 2}


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, one, other))


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_reuse_is_exact(name: str) -> None:
    pipe, entry = build(name), zoo.get(TRANSFORMERS[name])
    embeds = load(name, pipe)["ip_adapter_image_embeds"]
    if name == FLUX:
        embeds = [embeds[0].repeat(2, 1, 1)]  # samples

    def inputs(step: float, seed: int) -> dict[str, Any]:
        given = {"joint_attention_kwargs": {"ip_adapter_image_embeds": embeds}}
        return {**entry.step_inputs(step, torch.float64, seed), **given}

    report = check_cache(pipe.transformer, inputs)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_nothing_changes_at_threshold_0_and_nothing_is_left(name: str) -> None:
    pipe = build(name)
    call = load(name, pipe)
    pipe.set_ip_adapter_scale(0.5)
    expected, before = run(name, pipe, **call), traces(pipe.transformer)
    never = cache_dit.DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0)
    cache_dit.enable_cache(pipe, never)
    assert same(run(name, pipe, **call), expected)
    cache_dit.enable_cache(pipe, CACHE)
    cached = run(name, pipe, **call)
    assert not same(cached, expected)
    assert same(run(name, pipe, **call), cached)
    pipe.set_ip_adapter_scale(0.2)
    assert not same(run(name, pipe, **call), cached)
    pipe.set_ip_adapter_scale(0.5)
    assert same(run(name, pipe, **call), cached)
    cache_dit.disable_cache(pipe)
    assert same(run(name, pipe, **call), expected)
    assert not differences(before, traces(pipe.transformer))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "config", "loaded_first"),
    [
        (FLUX, ULYSSES, True),
        (FLUX, ULYSSES, False),
        (FLUX, RING, True),
        (FLUX, RING, False),
        (SD3, ULYSSES, True),
        (SD3, RING, False),
    ],
)
def test_over_two_ranks_an_ip_adapter_sees_the_whole_picture(
    name: str, config: dict[str, int], loaded_first: bool
) -> None:
    for error, effect in ranks(2).run(ip_adapter_jobs.over_ranks, name, config, loaded_first):
        assert error < 1e-9
        assert effect > 1e-2


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_over_the_width_it_is_refused_and_nothing_is_touched(name: str) -> None:
    for said, untouched in ranks(2).run(ip_adapter_jobs.over_width, name):
        assert f"{TRANSFORMERS[name]}: its IP-Adapter adds to the whole width" in said
        assert "unload_ip_adapter()" in said
        assert untouched
