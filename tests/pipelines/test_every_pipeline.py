"""Every pipeline of the table, as users run it: uncached, cached, counted, and uncached again."""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import pipelines
from cache_dit.verify.pipelines import PipelineEntry
from tests.pipelines.call_log import CallLog, reused_steps, says, seen

# What diffusers itself brings about with these components.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (
        "`LoraLoaderMixin` is deprecated:FutureWarning",
        "`torch.nn.utils.weight_norm` is deprecated:FutureWarning",
        "In CPU autocast, but the target dtype is not supported:UserWarning",
        "__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
    )
]

STEPS = 5
MASK = [1, 1, 0, 1, 0]
STATIC = DBCacheConfig(
    Fn_compute_blocks=1,
    Bn_compute_blocks=1,
    max_warmup_steps=1,
    steps_computation_mask=MASK,
    steps_computation_policy="static",
)
DYNAMIC = DBCacheConfig(
    Fn_compute_blocks=2, max_warmup_steps=1, residual_diff_threshold=0.5, max_cached_steps=3
)
NEVER = DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0, max_warmup_steps=1)


def cases() -> list[Any]:
    return [
        pytest.param(
            entry,
            id=entry.name,
            marks=[]
            if entry.available
            else pytest.mark.skip(reason=f"not in diffusers {diffusers.__version__}"),
        )
        for entry in pipelines.ENTRIES.values()
    ]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("entry", cases())
def test_a_cached_pipeline_computes_what_its_summary_says(entry: PipelineEntry) -> None:
    pipe = entry.build()
    transformer = getattr(pipe, entry.transformers[0])
    log = CallLog(transformer, entry.blocks(pipe))
    calls = list(entry.branches) * STEPS

    plain = entry.run(pipe, STEPS)
    assert len(log.calls) == len(calls), "the table names the wrong branches"
    assert all(call == log.sizes for call in log.calls)
    assert all(bool(tensor.isfinite().all()) for tensor in plain)

    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert equal(entry.run(pipe, STEPS), plain)

    for config in (STATIC, DYNAMIC):
        cache_dit.enable_cache(pipe, cache_config=config)
        log.clear()
        approximate = entry.run(pipe, STEPS)
        stats = cache_dit.summary(pipe, logging=False)
        assert seen(stats, log) == says(stats, log, calls)
        for each in stats:
            assert set(each.decisions) == set(entry.branches)
            if config is STATIC:
                zeros = [step for step, compute in enumerate(MASK) if not compute]
                assert set(map(tuple, reused_steps(each).values())) == {tuple(zeros)}
                assert not equal(approximate, plain)

    cache_dit.disable_cache(pipe)
    log.clear()
    assert equal(entry.run(pipe, STEPS), plain)
    assert all(call == log.sizes for call in log.calls)
