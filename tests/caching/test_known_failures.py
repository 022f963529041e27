"""What users of such libraries ran into, cases 1 to 7: requests, shapes, branches, aborts.

Each test is named after its number in the list of known failures, and tells its case.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing

from cache_dit import (
    DBCacheConfig,
    ForwardPattern,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    refresh_context,
    summary,
)
from cache_dit.caching.policy import Reason
from cache_dit.verify import zoo
from tests.caching.reference import DEFAULTS, Branch
from tests.caching.toys import GainTransformer, StreamTransformer
from tests.caching.two_ranks import LEVELS, main

CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2)


class Pipeline:
    """A denoising loop as diffusers' pipelines have one."""

    def __init__(self) -> None:
        self.transformer = GainTransformer()

    def __call__(self, num_inference_steps: int = 8, fails_at: int | None = None) -> list[int]:
        """How many blocks ran at each step."""
        self._num_timesteps = num_inference_steps
        ran = []
        for step in range(num_inference_steps):
            if step == fails_at:
                raise KeyboardInterrupt
            time = 1000 - 1000 * step / num_inference_steps
            ran.append(len(self.transformer.at(1.0, time)[1]))
        return ran

    def enabled(self, config: DBCacheConfig = CONFIG, **options: Any) -> Pipeline:
        enable_cache(self.transformer.adapter(pipe=self, **options), config)
        return self


def test_01_other_step_counts_and_short_masks() -> None:
    """1. A request with another step count, or a one-step request, stops all later caching; a
    mask shorter than the run makes every later step reuse."""
    pipe = Pipeline().enabled()
    usual = [4, 4, *[1] * 26]
    assert pipe(28) == usual
    assert pipe(1) == [4]
    assert pipe(28) == usual
    assert pipe(5) == [4, 4, 1, 1, 1]
    assert pipe(28) == usual
    refresh_context(pipe, cache_config=DBCacheConfig().reset(steps_computation_mask=[1, 0, 1, 0]))
    assert pipe(8) == [4, 4, 4, 1, 4, 4, 4, 4]
    (stats,) = summary(pipe, logging=False)
    assert [d.reason for d in stats.decisions[""]][4:] == [Reason.BEYOND_MASK] * 4
    assert "steps_computation_mask has 4 entries" in stats.notes[0]


@pytest.mark.parametrize("sizes", [{"text": 9}, {"height": 6}, {"batch": 3}])
@pytest.mark.parametrize("calibrator", [None, TaylorSeerCalibratorConfig(), "hidden_states"])
def test_02_other_shapes_in_the_next_request(sizes: dict[str, int], calibrator: Any) -> None:
    """2. Text length, image size or batch size changes between two requests, though nothing says
    that a request ends: a crash, or stale tensors are added."""
    if calibrator == "hidden_states":
        calibrator = TaylorSeerCalibratorConfig(calibrator_cache_type="hidden_states")
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build()
    other = entry.inputs(**sizes)
    expected = model(**other).sample
    enable_cache(model, CONFIG, calibrator)
    for _ in range(4):
        model(**entry.inputs())
    assert torch.equal(model(**other).sample, expected)
    (stats,) = summary(model, logging=False)
    assert [d.reason for d in stats.decisions[""]][-2:] == [Reason.BELOW, Reason.SHAPE]
    assert torch.allclose(model(**other).sample, expected, rtol=1e-3, atol=1e-4)
    assert stats.cached_steps == [2, 3]
    assert summary(model, logging=False)[0].cached_steps == [2, 3, 5]


def test_03_blocks_that_write_into_their_input() -> None:
    """3. The snapshot changes with the input, the residual is 0, 0/0 is NaN, and nothing is ever
    reused, silently."""
    model = StreamTransformer(ForwardPattern.Pattern_1, in_place=True).double()
    inputs = model.inputs()
    expected = model(**inputs)
    enable_cache(model.adapter(), CONFIG)
    with torch.no_grad():
        for _ in range(5):
            assert torch.allclose(model(**inputs), expected)
    (stats,) = summary(model, logging=False)
    assert stats.cached_steps == [2, 3, 4]


def test_03_a_change_that_is_no_number_is_computed_and_named() -> None:
    """3. 0/0 and infinities are guarded."""
    for levels in ([0.0, 0.0, 0.0], [1.0, 1.0, float("inf")], [1.0, float("nan"), 1.0]):
        model = GainTransformer()
        enable_cache(model.adapter(), CONFIG)
        ran = [model.at(level)[1] for level in levels]
        assert ran[2] == [0, 1, 2, 3]
        found = summary(model, logging=False)[0].decisions[""][2].reason
        assert found is Reason.NOT_FINITE


def test_04_two_pipelines_of_one_class() -> None:
    """4. State on the pipeline's class: a second pipeline misbehaves, and disabling one un-patches
    all."""
    first, second, third = Pipeline().enabled(), Pipeline().enabled(), Pipeline()
    assert first(4) == second(6)[:4] == [4, 4, 1, 1]
    assert third(4) == [4] * 4
    disable_cache(first)
    assert first(4) == [4] * 4
    assert second(4) == [4, 4, 1, 1]
    assert (summary(first, logging=False), len(summary(second, logging=False))) == ([], 1)


class NamedCalls(GainTransformer):
    """A transformer that is told what its calls are for, as those of diffusers are."""

    @contextmanager
    def cache_context(self, name: str, **kwargs: Any) -> Any:
        yield


def test_05_branches_by_name() -> None:
    """5. CFG branches told apart by parity: wrong as soon as guidance is off, skipped for some
    steps, or a third call exists."""
    model = NamedCalls()
    enable_cache(model.adapter(has_separate_cfg=True), CONFIG)
    references = {name: Branch(DEFAULTS | {"max_warmup_steps": 2}, model.gains) for name in "abc"}
    schedule = ["abc", "abc", "a", "ac", "ab", "abc", "b", "abc"]
    level = {"a": 1.0, "b": 2.0, "c": 0.5}  # a mix-up is a change that is not below the threshold
    for calls in schedule:
        for name in calls:
            with model.cache_context({"a": "cond", "b": "uncond", "c": "perturbed"}[name]):
                assert model.at(level[name])[1] == references[name].call(level[name]).ran
    (stats,) = summary(model, logging=False)
    assert {name: len(found) for name, found in stats.decisions.items()} == {
        "cond": 7,
        "uncond": 6,
        "perturbed": 5,
    }
    assert stats.cfg_cached_steps == [4, 5, 6, 7]


def test_05_branches_by_order_where_nothing_names_them() -> None:
    """5. Guidance that is skipped for some steps does not shift the branches."""
    model = GainTransformer()
    enable_cache(model.adapter(has_separate_cfg=True), CONFIG)
    for step in range(8):
        model.at(1.0, timestep=9.0 - step)
        if step not in (3, 4):
            model.at(2.0, timestep=9.0 - step)
    (stats,) = summary(model, logging=False)
    assert set(stats.residual_diffs.values()) == set(stats.cfg_residual_diffs.values()) == {0.0}
    assert (stats.cached_steps, stats.cfg_cached_steps) == ([2, 3, 4, 5, 6, 7], [2, 5, 6, 7])


GUIDED = (0, 1, 5, 6)


def guided_at_some_steps(**settings: Any) -> list[tuple[float, list[int]]]:
    """Level and blocks of the unconditional calls, where the level grows by one at each step."""
    model = GainTransformer()
    fields = {"Fn_compute_blocks": 1, "max_warmup_steps": 2, "residual_diff_threshold": 1.0}
    config = DBCacheConfig(**fields | settings)
    calibrator = TaylorSeerCalibratorConfig(taylorseer_order=1)
    enable_cache(model.adapter(has_separate_cfg=True), config, calibrator)
    found = []
    for step in range(7):
        model.at(1.0, timestep=9.0 - step)
        if step in GUIDED:
            found.append(model.at(1.0 + step, timestep=9.0 - step))
    return found


def test_05_a_branch_that_comes_back_is_predicted_over_its_whole_absence() -> None:
    plain = GainTransformer()
    found = guided_at_some_steps()
    assert [len(ran) for _, ran in found] == [4, 4, 1, 1]
    assert [out for out, _ in found] == pytest.approx([plain.at(1.0 + s)[0] for s in GUIDED])


def test_05_a_mask_is_about_the_steps_of_the_run_in_every_branch() -> None:
    mask = [1, 1, 0, 0, 0, 1, 0]
    static = {"steps_computation_mask": mask, "steps_computation_policy": "static"}
    assert [len(ran) for _, ran in guided_at_some_steps(**static)] == [4, 4, 4, 1]


@pytest.mark.parametrize(("policy", "ran"), [("once", [4, 1, 4, 1]), ("repeat", [4, 1, 4, 4])])
def test_05_a_forced_refresh_in_its_absence_is_made_up_for(policy: str, ran: list[int]) -> None:
    refresh = {"force_refresh_step_hint": 3, "force_refresh_step_policy": policy}
    found = guided_at_some_steps(max_warmup_steps=1, **refresh)
    assert [len(each) for _, each in found] == ran


@pytest.mark.slow
def test_06_ranks_decide_alike(tmp_path: Path) -> None:
    """6. Ranks deciding differently: dead-lock. One reduction, on the group that shares the
    sample, never over the whole world."""
    torch.multiprocessing.spawn(main, (str(tmp_path),), nprocs=2)
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert ranks[0]["together"] == ranks[1]["together"]
    reference, expected = [level[0] for level in LEVELS.values()], [False]
    for levels in zip(*(each[1:] for each in LEVELS.values()), strict=True):
        moved = sum(abs(a - b) for a, b in zip(levels, reference, strict=True))
        expected.append(moved / sum(reference) < 0.21)
        reference = reference if expected[-1] else list(levels)
    assert ranks[0]["together"][0] == expected
    for rank, found in enumerate(ranks):
        fields = DEFAULTS | {"max_warmup_steps": 1, "residual_diff_threshold": 0.21}
        branch = Branch(fields, GainTransformer().gains)
        alone = [branch.call(level).reused for level in LEVELS[rank]]
        assert found["apart"][0] == alone[: 8 - 3 * rank]
        assert alone != expected  # so the ranks had to agree


@pytest.mark.parametrize("fails_at", [1, 3, 7])
def test_07_an_aborted_run(fails_at: int) -> None:
    """7. A run aborted half-way (exception, user interrupt) poisons the next one."""
    pipe = Pipeline().enabled()
    with pytest.raises(KeyboardInterrupt):
        pipe(8, fails_at=fails_at)
    assert summary(pipe, logging=False)[0].held_bytes == 0
    assert pipe(8) == [4, 4, *[1] * 6]


def test_07_an_exception_within_the_model() -> None:
    """7. The same without a pipeline: a block fails in the middle of a call."""
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    for _ in range(4):
        model.at(1.0)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        model(torch.ones(1, 3, 5, dtype=torch.float64))
    assert [len(model.at(1.0)[1]) for _ in range(4)] == [4, 4, 1, 1]
