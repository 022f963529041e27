"""LoRA with the cache and over ranks, as users load and change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import check_cache, zoo
from cache_dit.verify.outputs import difference
from cache_dit.verify.ranks import ranks
from cache_dit.verify.traces import differences, traces
from tests.pipelines import adapter_jobs
from tests.pipelines.adapter_jobs import CACHE, STEPS, build, load, run

NEVER = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1, residual_diff_threshold=0.0)


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("peft", reason="LoRA needs peft: pip install peft")
    return adapter_jobs.save_lora(tmp_path_factory.mktemp("lora"))


@pytest.fixture
def pipe(lora: Path) -> Any:
    pipe = build()
    load(pipe, lora)
    return pipe


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(map(torch.equal, one, other))


def test_with_a_lora_nothing_changes_at_threshold_0_and_nothing_is_left(pipe: Any) -> None:
    expected, before = run(pipe), traces(pipe.transformer)
    cache_dit.enable_cache(pipe, NEVER)
    assert same(run(pipe), expected)
    cache_dit.enable_cache(pipe, CACHE)
    cached = run(pipe)
    assert not same(cached, expected)
    assert same(run(pipe), cached)
    cache_dit.disable_cache(pipe)
    assert same(run(pipe), expected)
    assert not differences(before, traces(pipe.transformer))


def test_with_a_lora_reuse_is_exact(pipe: Any) -> None:
    entry = zoo.get("FluxTransformer2DModel")

    def inputs(step: float, seed: int) -> dict[str, Any]:
        return entry.step_inputs(step, torch.float64, seed)

    report = check_cache(pipe.transformer, inputs)
    assert report.ok, str(report)


def test_a_lora_may_come_and_go_while_the_cache_is_on(lora: Path, pipe: Any) -> None:
    cache_dit.enable_cache(pipe, CACHE)
    first, plain = run(pipe), build()
    cache_dit.enable_cache(plain, CACHE)
    without = run(plain)
    load(plain, lora)
    assert same(run(plain), first)
    plain.unload_lora_weights()
    assert same(run(plain), without)
    assert not same(without, first)


def test_another_scale_between_two_runs_leaves_nothing_of_the_first(lora: Path, pipe: Any) -> None:
    fresh = build()
    load(fresh, lora)
    fresh.set_adapters("style", 0.3)
    for each in (pipe, fresh):
        cache_dit.enable_cache(each, CACHE)
    first = run(pipe)
    pipe.set_adapters("style", 0.3)
    assert same(run(pipe), run(fresh))
    assert not same(run(pipe), first)


def test_another_scale_in_the_middle_of_a_run_computes_after_a_refresh(pipe: Any) -> None:
    cache_dit.enable_cache(pipe, CACHE)
    calls: list[int] = []
    last = pipe.transformer.single_transformer_blocks[-1]
    last.register_forward_pre_hook(lambda module, args: calls.append(len(steps)))
    steps: list[int] = []

    def after(pipe: Any, step: int, timestep: Any, state: dict[str, Any]) -> dict[str, Any]:
        steps.append(step)
        if step == 0:
            pipe.set_adapters("style", 0.3)
            cache_dit.refresh_context(pipe.transformer, num_inference_steps=STEPS - 1)
        return state

    run(pipe, callback_on_step_end=after)
    assert calls == [0, 1, 3]  # without the refresh: 0 and 2


def test_fused_it_is_what_it_was_and_unfused_again(pipe: Any) -> None:
    cache_dit.enable_cache(pipe, CACHE)
    loaded = run(pipe)
    pipe.fuse_lora()
    assert difference(run(pipe), loaded) < 1e-9
    pipe.unfuse_lora()
    assert difference(run(pipe), loaded) < 1e-9


def test_a_scale_of_one_call_holds_for_that_call_only(pipe: Any) -> None:
    cache_dit.enable_cache(pipe, CACHE)
    whole = run(pipe)
    scaled = run(pipe, joint_attention_kwargs={"scale": 0.3})
    assert same(run(pipe), whole)
    pipe.set_adapters("style", 0.3)
    assert difference(run(pipe), scaled) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("loaded_first", [True, False], ids=["loaded first", "spread first"])
@pytest.mark.parametrize("config", [{"ulysses_size": 2}, {"tp_size": 2}], ids=["ulysses", "tp"])
def test_over_two_ranks_a_lora_comes_and_goes_as_on_one_process(
    lora: Path, config: dict[str, int], loaded_first: bool
) -> None:
    for errors, left, effect in ranks(2).run(
        adapter_jobs.over_ranks, str(lora), config, loaded_first
    ):
        assert max(errors) < 1e-9
        assert not left
        assert effect > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("config", [{"ulysses_size": 2}, {"tp_size": 2}], ids=["ulysses", "tp"])
def test_a_lora_that_fails_to_load_on_one_rank_is_loaded_on_none(
    lora: Path, tmp_path: Path, config: dict[str, int]
) -> None:
    broken = adapter_jobs.save_lora(tmp_path / "broken", broken=True)
    outcomes = ranks(2).run(adapter_jobs.failing_on_one_rank, str(lora), str(broken), config)
    for said, errors, left in outcomes:
        assert len(said) == 2
        assert "size mismatch" in said[1]
        assert max(errors) < 1e-9
        assert not left
    for each in outcomes[0][0]:
        assert each.startswith("RankFailed: FluxPipeline.load_lora_weights: rank 1 could not, so")
