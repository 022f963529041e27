"""A pipeline that is called again: whatever the run before was like, each run is as if fresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig, TaylorSeerCalibratorConfig
from cache_dit.caching.state import Decision
from cache_dit.verify import pipelines

CONFIG = DBCacheConfig(
    Fn_compute_blocks=1, residual_diff_threshold=0.95, max_continuous_cached_steps=2
)
NAMES = ("FluxPipeline", "QwenImagePipeline", "WanPipeline", "ChromaPipeline", "HunyuanDiTPipeline")
each_pipeline = pytest.mark.parametrize("name", NAMES)


@dataclass
class Run:
    """What a run gave, and how it came about."""

    output: list[torch.Tensor]
    decisions: list[dict[str, list[Decision]]]

    @property
    def reused(self) -> int:
        lists = [each for branches in self.decisions for each in branches.values()]
        return sum(decision.reused for decisions in lists for decision in decisions)

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Run)
        pairs = zip(self.output, other.output, strict=True)
        return self.decisions == other.decisions and all(torch.equal(a, b) for a, b in pairs)


def cached(name: str) -> Any:
    pipe = pipelines.get(name).build()
    return cache_dit.enable_cache(
        pipe, cache_config=CONFIG, calibrator_config=TaylorSeerCalibratorConfig()
    )


def run(
    pipe: Any, name: str, steps: int, sizes: Mapping[str, int] | None = None, **more: Any
) -> Run:
    output = pipelines.get(name).run(pipe, steps, sizes=sizes, **more)
    stats = cache_dit.summary(pipe, logging=False)
    assert all(each.held_bytes == 0 for each in stats), "a finished run holds tensors"
    return Run(output, [each.decisions for each in stats])


def fresh(name: str, steps: int, sizes: Mapping[str, int] | None = None) -> Run:
    return run(cached(name), name, steps, sizes)


@each_pipeline
def test_other_numbers_of_steps(name: str) -> None:
    pipe = cached(name)
    for steps in (28, 4, 1, 50) if name == NAMES[0] else (12, 4, 1, 20):
        expected = fresh(name, steps)
        assert run(pipe, name, steps) == expected
        assert expected.reused == 0 if steps == 1 else expected.reused > 0


@each_pipeline
def test_other_sizes_texts_and_batches(name: str) -> None:
    entry = pipelines.get(name)
    changes: list[dict[str, int]] = [{}, {"batch": 3}, {"height": 2 * entry.sizes["height"]}, {}]
    if "text" in entry.sizes:
        changes += [{"text": 4}, {"text": 11, "batch": 2}, {}]
    pipe = cached(name)
    for sizes in changes:
        expected = fresh(name, 8, sizes)
        assert expected.reused > 0
        assert run(pipe, name, 8, sizes) == expected


class Broken(Exception):
    pass


def breaks_in_a_callback(pipe: Any, name: str) -> None:
    def callback(pipe: Any, step: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        if step == 7:
            raise Broken
        return kwargs

    with pytest.raises(Broken):
        pipelines.get(name).run(pipe, 10, callback_on_step_end=callback)


def breaks_in_a_block(pipe: Any, name: str) -> None:
    """At the second block, which is skipped on a reused step: so this happens as it computes."""
    blocks = next(iter(pipelines.get(name).blocks(pipe).values()))
    calls = []

    def count(module: Any, args: Any) -> None:
        calls.append(module)
        if len(calls) == 3:
            raise Broken

    handle = blocks[1].register_forward_pre_hook(count)
    with pytest.raises(Broken):
        pipelines.get(name).run(pipe, 10)
    handle.remove()


def breaks_in_the_head(pipe: Any, name: str) -> None:
    """At the first block of step 7, which always runs."""
    blocks = next(iter(pipelines.get(name).blocks(pipe).values()))
    calls = []

    def count(module: Any, args: Any) -> None:
        calls.append(module)
        if len(calls) == 8:
            raise KeyboardInterrupt

    handle = blocks[0].register_forward_pre_hook(count)
    with pytest.raises(KeyboardInterrupt):
        pipelines.get(name).run(pipe, 10)
    handle.remove()


def is_interrupted(pipe: Any, name: str) -> None:
    """The user asks the pipeline to stop, and it goes on without calling the transformer."""

    def callback(pipe: Any, step: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        pipe._interrupt = step == 4
        return kwargs

    pipelines.get(name).run(pipe, 10, callback_on_step_end=callback)
    for stats in cache_dit.summary(pipe, logging=False):
        assert all(len(decisions) == 5 for decisions in stats.decisions.values())


@each_pipeline
@pytest.mark.parametrize(
    "goes_wrong", [breaks_in_a_callback, breaks_in_a_block, breaks_in_the_head, is_interrupted]
)
def test_an_aborted_run_leaves_nothing(name: str, goes_wrong: Callable[[Any, str], None]) -> None:
    pipe = cached(name)
    goes_wrong(pipe, name)
    assert all(stats.held_bytes == 0 for stats in cache_dit.summary(pipe, logging=False))
    expected = fresh(name, 10)
    assert expected.reused > 0
    assert run(pipe, name, 10) == expected


def test_a_run_with_other_settings_begins_afresh() -> None:
    name = "QwenImagePipeline"
    pipe = cached(name)
    run(pipe, name, 6)
    cache_dit.refresh_context(
        pipe.transformer, cache_config=DBCacheConfig().reset(steps_computation_mask=[1, 1, 0, 0])
    )
    masked = run(pipe, name, 4)
    cache_dit.refresh_context(pipe.transformer, cache_config=CONFIG)
    assert run(pipe, name, 6) == fresh(name, 6)
    assert masked != fresh(name, 4)
