"""Policy, group, state and region together do what the documented rules say, step by step.

Random settings and random changes, against a slow model of the rules on single numbers.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    refresh_context,
    steps_mask,
    summary,
)
from tests.caching.reference import DEFAULTS, Branch, Fields, Outcome
from tests.caching.toys import GainTransformer

EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True)

steps = st.integers(1, 24)
levels = st.lists(st.integers(32, 96).map(lambda n: n / 64), min_size=1, max_size=24)
# Not a ratio of two small whole numbers: no change is equal to a threshold up to rounding.
thresholds = st.sampled_from([-1.0, 0.0, 0.03141, 0.08141, 0.2141, 0.5141, 1.0, 7.0])
limits = st.sampled_from([None, 0.05772, 0.15772, 0.45772, 1.5772])
masks = st.none() | st.lists(st.integers(0, 1), min_size=1, max_size=24)


@st.composite
def rules(draw: st.DrawFn, blocks: int) -> Fields:
    front = draw(st.integers(1, blocks))
    return {
        "Fn_compute_blocks": front,
        "Bn_compute_blocks": draw(st.integers(0, blocks - front)),
        "residual_diff_threshold": draw(thresholds),
        "max_accumulated_residual_diff_threshold": draw(limits),
        "max_warmup_steps": draw(st.integers(0, 8)),
        "warmup_interval": draw(st.integers(1, 4)),
        "max_cached_steps": draw(st.integers(-1, 8)),
        "max_continuous_cached_steps": draw(st.integers(-1, 5)),
        "steps_computation_mask": draw(masks),
        "steps_computation_policy": draw(st.sampled_from(["dynamic", "static", "other"])),
        "force_refresh_step_hint": draw(st.none() | st.integers(1, 12)),
        "force_refresh_step_policy": draw(st.sampled_from(["once", "repeat"])),
    }


@st.composite
def models(draw: st.DrawFn) -> list[float]:
    return draw(st.lists(st.sampled_from([-0.25, 0.125, 0.5, 1.0]), min_size=1, max_size=6))


def calibrator(order: int) -> CalibratorConfig | None:
    return TaylorSeerCalibratorConfig(taylorseer_order=order) if order else None


def check(model: GainTransformer, level: float, expected: Outcome, **call: Any) -> None:
    out, ran = model.at(level, **call)
    assert ran == expected.ran
    assert out == pytest.approx(expected.out, rel=1e-9, abs=1e-9)


def check_summary(model: GainTransformer, outcomes: list[Outcome], cfg: str = "") -> None:
    (stats,) = summary(model, logging=False)
    skippable = [i for i, outcome in enumerate(outcomes) if len(outcome.ran) < len(model.gains)]
    assert getattr(stats, f"{cfg}cached_steps") == skippable
    measured = {i: o.change for i, o in enumerate(outcomes) if o.change is not None}
    nothing_to_skip = not any(stats.decisions.values())
    if not nothing_to_skip:
        assert getattr(stats, f"{cfg}residual_diffs") == pytest.approx(measured, rel=1e-9)


@EXAMPLES
@given(st.data(), models(), levels, st.integers(0, 3))
def test_a_run_follows_the_rules(
    data: st.DataObject, gains: list[float], run: list[float], order: int
) -> None:
    fields = data.draw(rules(len(gains)))
    model = GainTransformer(gains)
    enable_cache(model.adapter(), DBCacheConfig(**fields), calibrator(order))
    branch = Branch(fields, gains, order)
    outcomes = [branch.call(level) for level in run]
    for level, expected in zip(run, outcomes, strict=True):
        check(model, level, expected)
    check_summary(model, outcomes)
    disable_cache(model)


@EXAMPLES
@given(st.data(), st.lists(levels, min_size=2, max_size=4))
def test_settings_change_from_run_to_run(data: st.DataObject, runs: list[list[float]]) -> None:
    model = GainTransformer()
    enable_cache(model.adapter())
    for run in runs:
        fields = data.draw(rules(len(model.gains)))
        order = data.draw(st.integers(0, 2))
        refresh_context(
            model,
            cache_config=DBCacheConfig(**fields),
            calibrator_config=calibrator(order) or CalibratorConfig(),
        )
        branch = Branch(fields, model.gains, order)
        outcomes = [branch.call(level) for level in run]
        for level, expected in zip(run, outcomes, strict=True):
            check(model, level, expected)
        check_summary(model, outcomes)
    disable_cache(model)


@EXAMPLES
@given(st.data(), steps, st.lists(st.integers(32, 96).map(lambda n: n / 64), max_size=60))
def test_an_announced_length_ends_a_run(data: st.DataObject, total: int, run: list[float]) -> None:
    fields = data.draw(rules(len(GainTransformer().gains)))
    model = GainTransformer()
    enable_cache(model.adapter(), DBCacheConfig(**fields, num_inference_steps=total))
    for start in range(0, len(run), total):
        branch = Branch(fields, model.gains)
        for level in run[start : start + total]:
            check(model, level, branch.call(level))
    disable_cache(model)


@EXAMPLES
@given(st.data(), levels, levels, st.booleans(), st.booleans(), st.integers(0, 2))
def test_conditional_and_unconditional_calls_each_follow_the_rules(
    data: st.DataObject,
    conditional: list[float],
    unconditional: list[float],
    follows: bool,
    unconditional_first: bool,
    order: int,
) -> None:
    fields = data.draw(rules(len(GainTransformer().gains)))
    unconditional_first = unconditional_first and not follows
    model = GainTransformer()
    config = DBCacheConfig(
        **fields,
        enable_separate_cfg=True,
        cfg_compute_first=unconditional_first,
        cfg_diff_compute_separate=not follows,
    )
    enable_cache(model.adapter(), config, calibrator(order))
    first, second = Branch(fields, model.gains, order), Branch(fields, model.gains, order)
    outcomes: list[list[Outcome]] = [[], []]
    for a, b in zip(conditional, unconditional, strict=False):
        outcomes[0].append(first.call(a))
        check(model, a, outcomes[0][-1])
        outcomes[1].append(second.call(b, leader=outcomes[0][-1] if follows else None))
        check(model, b, outcomes[1][-1])
    conditional_index = 1 if unconditional_first else 0
    check_summary(model, outcomes[conditional_index])
    check_summary(model, outcomes[1 - conditional_index], cfg="cfg_")
    disable_cache(model)


@pytest.mark.parametrize("preset", ["slow", "medium", "fast", "ultra"])
@pytest.mark.parametrize("total", [1, 4, 6, 8, 28, 50])
def test_a_preset_masks_a_run_of_any_length(preset: str, total: int) -> None:
    mask = steps_mask(total_steps=total, mask_policy=preset)
    fields = DEFAULTS | {"steps_computation_mask": mask, "steps_computation_policy": "static"}
    model = GainTransformer()
    config = DBCacheConfig(**fields | {"steps_computation_mask": preset}, num_inference_steps=total)
    enable_cache(model.adapter(), config)
    for _ in range(2):
        branch = Branch(fields, model.gains)
        for _ in range(total):
            check(model, 1.0, branch.call(1.0))
    disable_cache(model)
