"""The rules one by one, where the numbers are exact: who wins, and what happens on a tie."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cache_dit import DBCacheConfig
from cache_dit.caching.policy import Action, Progress, Reason, judge, measures, verdict

NO_WARMUP: dict[str, Any] = {"max_warmup_steps": 0, "Fn_compute_blocks": 1}


def config(**fields: Any) -> DBCacheConfig:
    return DBCacheConfig(**NO_WARMUP | fields)


def reason(mask: list[int] | None = None, *, at: Progress, **fields: Any) -> Reason | None:
    return verdict(config(**fields), mask, at).reason


@pytest.mark.parametrize(
    ("expected", "fields", "mask", "at"),
    [
        (Reason.WARMUP, {"max_warmup_steps": 3}, [0] * 9, Progress(2)),
        (Reason.WARMUP, {"max_warmup_steps": 9, "warmup_interval": 3}, None, Progress(6)),
        (Reason.BEYOND_MASK, {"max_cached_steps": 0}, [1, 0], Progress(2)),
        (Reason.MASK, {"max_cached_steps": 0}, [0, 1], Progress(1)),
        (Reason.MAX_CACHED, {"max_cached_steps": 2}, [0] * 9, Progress(5, 2, 0)),
        (Reason.MAX_CACHED, {"max_cached_steps": 0}, None, Progress(5)),
        (Reason.MAX_CONTINUOUS, {"max_continuous_cached_steps": 2}, None, Progress(5, 2, 2)),
        (Reason.MAX_CONTINUOUS, {"max_continuous_cached_steps": 0}, None, Progress(5)),
        (Reason.STATIC, {"steps_computation_policy": "static"}, [0] * 9, Progress(5)),
        (Reason.NEVER, {"residual_diff_threshold": 0.0}, [0] * 9, Progress(5)),
        (Reason.NEVER, {"residual_diff_threshold": -0.5}, None, Progress(5)),
        (Reason.ALWAYS, {"residual_diff_threshold": 1.0}, None, Progress(5)),
        (None, {"max_warmup_steps": 9, "warmup_interval": 3}, None, Progress(5)),
        (None, {"steps_computation_policy": "static"}, None, Progress(5)),
        (None, {"steps_computation_policy": "Static"}, [0] * 9, Progress(5)),
        (None, {"max_cached_steps": 3}, None, Progress(5, 2, 0)),
        (None, {"max_continuous_cached_steps": 3}, None, Progress(5, 9, 2)),
    ],
)
def test_the_first_rule_that_applies_decides(
    expected: Reason | None, fields: dict[str, Any], mask: list[int] | None, at: Progress
) -> None:
    assert reason(mask, at=at, **fields) is expected


def test_a_question_is_asked_only_when_no_rule_answers() -> None:
    assert verdict(config(), None, Progress(5)).action is Action.MEASURE
    assert verdict(config(), [0] * 9, Progress(5)).action is Action.MEASURE


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (0.0, Reason.BELOW),
        (math.nextafter(0.25, 0), Reason.BELOW),
        (0.25, Reason.ABOVE),
        (math.nan, Reason.NOT_FINITE),
        (math.inf, Reason.NOT_FINITE),
    ],
)
def test_a_change_must_be_below_the_threshold(change: float, expected: Reason) -> None:
    settings = config(residual_diff_threshold=0.25)
    assert judge(settings, Progress(5), change, 0.25).reason is expected


@pytest.mark.parametrize(("summed", "reused"), [(0.25, True), (0.5, False), (0.75, False)])
def test_the_sum_of_changes_must_stay_below_its_limit(summed: float, reused: bool) -> None:
    settings = config(residual_diff_threshold=0.5, max_accumulated_residual_diff_threshold=0.75)
    outcome = judge(settings, Progress(5, accumulated=summed), 0.25, 0.5)
    assert (outcome.action is Action.REUSE) is reused


def test_a_threshold_of_one_lets_every_finite_change_pass_but_for_the_sum() -> None:
    settings = config(residual_diff_threshold=1.0, max_accumulated_residual_diff_threshold=8.0)
    assert judge(settings, Progress(5), 7.0, 1.0).action is Action.REUSE
    assert judge(settings, Progress(5), 8.0, 1.0).reason is Reason.ACCUMULATED
    assert judge(settings, Progress(5), math.nan, 1.0).reason is Reason.NOT_FINITE


def test_any_computed_step_ends_a_run_of_reused_ones() -> None:
    progress = Progress()
    for reused, change in ((True, 0.1), (True, 0.2), (False, 0.9), (True, None)):
        progress.advance(reused, change)
    assert progress == Progress(step=-1, reused=3, reused_in_a_row=1, accumulated=0.0)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"steps_computation_mask": [1, 0]}, True),
        ({"steps_computation_mask": [1, 0], "steps_computation_policy": "static"}, False),
        ({"steps_computation_policy": "static"}, True),
        ({"residual_diff_threshold": 0.0}, False),
        ({"residual_diff_threshold": 1.0}, False),
        (
            {"residual_diff_threshold": 1.0, "max_accumulated_residual_diff_threshold": 2.0},
            True,
        ),
    ],
)
def test_a_reference_is_kept_only_where_a_step_may_ask(
    fields: dict[str, Any], expected: bool
) -> None:
    assert bool(measures(config(**fields))) is expected


def test_reasons_read_as_words() -> None:
    assert {str(each) for each in Reason} == {each.value for each in Reason}
    assert str(Reason.MASK) == "mask says compute"
