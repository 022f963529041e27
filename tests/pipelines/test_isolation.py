"""Pipelines beside each other: of one class, in threads, with shared parts, saved and loaded."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import pipelines
from tests.pipelines.call_log import reused_steps

CONFIG = DBCacheConfig(
    Fn_compute_blocks=1,
    max_warmup_steps=1,
    steps_computation_mask=[1, 1, 0, 1, 0],
    steps_computation_policy="static",
)
STEPS = 5
REUSED = [2, 4]


def build(name: str = "FluxPipeline", seed: int = 0) -> Any:
    """A pipeline; pipelines with other seeds have other weights."""
    pipe = pipelines.get(name).build()
    with torch.no_grad():
        pipe.transformer.proj_out.weight.mul_(1 + seed)
    return pipe


def run(pipe: Any, name: str = "FluxPipeline", seed: int = 0) -> torch.Tensor:
    return pipelines.get(name).run(pipe, STEPS, seed)[0]


def traces(pipe: Any) -> list[Any]:
    """Everything of a pipeline's models that a cache could leave something in."""
    models = [each for each in pipe.components.values() if isinstance(each, nn.Module)]
    modules = [module for model in models for module in model.modules()]
    hooks = [dict(module._forward_hooks) for module in modules]
    return [(type(each), list(vars(each))) for each in (pipe, *modules)] + hooks


def test_two_pipelines_of_one_class_have_nothing_in_common() -> None:
    one, other = build(seed=0), build(seed=1)
    plain = {seed: run(pipe, seed=seed) for seed, pipe in enumerate((one, other))}
    untouched = traces(one)
    cache_dit.enable_cache(one, cache_config=CONFIG)
    cached = run(one)
    assert torch.equal(run(other, seed=1), plain[1]), "only one of the two is cached"
    cache_dit.enable_cache(other, cache_config=CONFIG)
    cached_other = run(other, seed=1)
    cache_dit.disable_cache(one)
    assert torch.equal(run(one), plain[0])
    assert traces(one) == untouched
    assert torch.equal(run(other, seed=1), cached_other)
    assert not torch.equal(cached_other, plain[1])
    assert not torch.equal(cached, plain[0])


def test_two_pipelines_in_turns_within_one_run() -> None:
    """A step of one inside a step of the other, as when a callback shows a preview."""
    one, other = (cache_dit.enable_cache(build(seed=seed), cache_config=CONFIG) for seed in (0, 1))
    expected, expected_other = run(one), run(other, seed=1)
    inner = []

    def callback(pipe: Any, step: int, timestep: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        inner.append(run(other, seed=1))
        return kwargs

    output = pipelines.get("FluxPipeline").run(one, STEPS, callback_on_step_end=callback)[0]
    assert torch.equal(output, expected)
    assert all(torch.equal(each, expected_other) for each in inner)


@pytest.mark.parametrize("name", ["FluxPipeline", "QwenImagePipeline"])
def test_a_pipeline_in_each_of_two_threads(name: str) -> None:
    pipes = [cache_dit.enable_cache(build(name, seed), cache_config=CONFIG) for seed in (0, 1)]
    expected = [run(pipe, name, seed) for seed, pipe in enumerate(pipes)]

    def work(seed: int) -> list[torch.Tensor]:
        return [run(pipes[seed], name, seed) for _ in range(5)]

    with ThreadPoolExecutor(2) as threads:
        for seed, outputs in enumerate(threads.map(work, (0, 1))):
            assert all(torch.equal(output, expected[seed]) for output in outputs)


def test_enabling_and_disabling_in_one_thread_while_another_runs() -> None:
    one, other = build(seed=0), build(seed=1)
    expected = run(cache_dit.enable_cache(one, cache_config=CONFIG))

    def toggle() -> None:
        for _ in range(20):
            cache_dit.disable_cache(cache_dit.enable_cache(other, cache_config=CONFIG))

    with ThreadPoolExecutor(1) as threads:
        toggling = threads.submit(toggle)
        outputs = [run(one) for _ in range(3)]
        toggling.result()
    assert all(torch.equal(output, expected) for output in outputs)


def test_from_pipe_shares_the_cached_transformer() -> None:
    text = build()
    plain = run(text)
    image = diffusers.FluxImg2ImgPipeline.from_pipe(text)
    image.set_progress_bar_config(disable=True)
    name = "FluxImg2ImgPipeline"
    plain_image = run(image, name)
    cache_dit.enable_cache(text, cache_config=CONFIG)
    cached = run(text)
    for _ in range(2):  # the second pipeline was not enabled, and still finds where its runs begin
        cached_image = run(image, name)
        (stats,) = cache_dit.summary(text, logging=False)
        assert reused_steps(stats) == {"cond": REUSED}
        assert torch.equal(run(text), cached)
    assert not torch.equal(cached_image, plain_image)
    cache_dit.disable_cache(image)  # either name will do
    assert torch.equal(run(text), plain)
    assert torch.equal(run(image, name), plain_image)


@pytest.mark.xfail(
    reason="from_pipe takes a component whose exact class is the one it wants, and a cached "
    "transformer is of a subclass; AutoPipeline takes it. One that compared as its base would "
    "be taken for it where classes are made from classes, as FSDP2 does",
    raises=ValueError,
)
def test_from_pipe_of_a_cached_pipeline() -> None:
    text = cache_dit.enable_cache(build(), cache_config=CONFIG)
    cached = run(text)
    again = diffusers.FluxPipeline.from_pipe(text)
    again.set_progress_bar_config(disable=True)
    assert torch.equal(run(again), cached)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_auto_pipeline_of_a_cached_pipeline() -> None:
    text = cache_dit.enable_cache(build(), cache_config=CONFIG)
    image = diffusers.AutoPipelineForImage2Image.from_pipe(text)
    image.set_progress_bar_config(disable=True)
    assert type(image) is diffusers.FluxImg2ImgPipeline
    run(image, "FluxImg2ImgPipeline")
    (stats,) = cache_dit.summary(text, logging=False)
    assert reused_steps(stats) == {"cond": REUSED}


def test_enabling_a_second_pipeline_on_the_same_transformer() -> None:
    text = build()
    image = diffusers.FluxImg2ImgPipeline(**text.components)
    image.set_progress_bar_config(disable=True)
    plain = run(text)
    cached = run(cache_dit.enable_cache(text, cache_config=CONFIG))
    cache_dit.enable_cache(image, cache_config=CONFIG)
    run(image, "FluxImg2ImgPipeline")
    assert torch.equal(run(text), cached)
    cache_dit.disable_cache(image)
    assert torch.equal(run(text), plain)
    assert type(text) is diffusers.FluxPipeline


def test_saving_and_loading_a_cached_pipeline(tmp_path: Path) -> None:
    name = "FluxPipeline/prompt"
    pipe = build(name)
    plain = run(saved_and_loaded(pipe, tmp_path / "plain"), name)
    cached = run(cache_dit.enable_cache(pipe, cache_config=CONFIG), name)
    loaded = saved_and_loaded(pipe, tmp_path / "cached")
    assert torch.equal(run(pipe, name), cached), "saving does not disturb the cache"
    assert type(loaded) is diffusers.FluxPipeline
    assert torch.equal(run(loaded, name), plain), "what is loaded is not cached"
    cache_dit.enable_cache(loaded, cache_config=CONFIG)
    torch.testing.assert_close(run(loaded, name), cached)


def saved_and_loaded(pipe: Any, path: Path) -> Any:
    pipe.save_pretrained(path)
    loaded = diffusers.DiffusionPipeline.from_pretrained(path)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_a_copy_of_a_cached_transformer_is_plain() -> None:
    pipe = build()
    plain = run(pipe)
    cache_dit.enable_cache(pipe, cache_config=CONFIG)
    cached = run(pipe)
    copied = copy.deepcopy(pipe.transformer)
    assert type(copied) is diffusers.FluxTransformer2DModel
    twin = diffusers.FluxPipeline(**{**pipe.components, "transformer": copied})
    twin.set_progress_bar_config(disable=True)
    assert torch.equal(run(twin), plain)
    assert torch.equal(run(pipe), cached)


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't:DeprecationWarning")
def test_generators_are_left_alone() -> None:
    """A sampler that draws noise at every step draws the same with and without the cache."""
    entry = pipelines.get("AllegroPipeline")
    pipe = entry.build()
    states = []
    for enable in (False, True):
        if enable:
            cache_dit.enable_cache(pipe, cache_config=CONFIG)
        generator = torch.Generator().manual_seed(7)
        torch.manual_seed(3)
        entry.run(pipe, STEPS, generator=generator)
        states.append((generator.get_state(), torch.get_rng_state()))
    assert all(torch.equal(*pair) for pair in zip(*states, strict=True))
