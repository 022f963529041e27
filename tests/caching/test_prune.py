"""DBPrune: each block decides by its own input, and the record of it adds up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_dit import (
    DBCacheConfig,
    DBPruneConfig,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    load_configs,
    refresh_context,
    summary,
)
from tests.caching.reference import DEFAULTS, Pruned
from tests.caching.test_rules import EXAMPLES, calibrator, check, levels, models, rules
from tests.caching.toys import GainTransformer


@EXAMPLES
@given(st.data(), models(), levels, st.integers(0, 2))
def test_every_block_follows_the_rules_on_its_own(
    data: st.DataObject, gains: list[float], run: list[float], order: int
) -> None:
    fields = data.draw(rules(len(gains)))
    fields["non_prune_block_ids"] = data.draw(st.lists(st.integers(0, 7), max_size=3))
    model = GainTransformer(gains)
    enable_cache(model.adapter(), DBPruneConfig(**fields), calibrator(order))
    reference = Pruned(fields, gains, order)
    outcomes = [reference.call(level) for level in run]
    for level, expected in zip(run, outcomes, strict=True):
        check(model, level, expected)
    (stats,) = summary(model, logging=False)
    disable_cache(model)
    if not reference.blocks:
        return
    pruned = [len(gains) - len(outcome.ran) for outcome in outcomes]
    assert stats.pruned_blocks == pruned
    assert stats.actual_blocks == [len(outcome.ran) for outcome in outcomes]
    assert stats.pruned_steps == [i for i, count in enumerate(pruned) if count]
    assert stats.pruned_ratio == pytest.approx(sum(pruned) / (len(gains) * len(run)))


def config(**fields: Any) -> DBPruneConfig:
    chosen = {"residual_diff_threshold": 0.08, "max_warmup_steps": 1} | fields
    return DBPruneConfig(**DEFAULTS | chosen)


def test_the_threshold_follows_the_changes_of_the_step_before() -> None:
    """Changes of the input are 0.1, 0.1, 0.1: too much for 0.08, let pass by 1.25 · 0.1."""
    model = GainTransformer([0.0] * 4)
    enable_cache(model.adapter(), config(enable_dynamic_prune_threshold=True))
    ran = [len(model.at(level)[1]) for level in (1.0, 1.1, 1.1 * 1.12, 1.1 * 1.3)]
    (stats,) = summary(model, logging=False)
    thresholds = {d.step: round(d.threshold, 6) for d in stats.decisions[""] if d.threshold}
    assert thresholds == {1: 0.08, 2: 0.125, 3: 0.15}
    assert ran == [4, 4, 1, 4]


@pytest.mark.parametrize(("ceiling", "expected"), [(None, 0.16), (0.3, 0.3), (0.01, 0.08)])
def test_the_dynamic_threshold_stays_between_the_fixed_one_and_its_ceiling(
    ceiling: float | None, expected: float
) -> None:
    model = GainTransformer([0.0] * 4)
    dynamic = config(enable_dynamic_prune_threshold=True, max_dynamic_prune_threshold=ceiling)
    enable_cache(model.adapter(), dynamic)
    for level in (1.0, 2.0, 2.0):
        model.at(level)
    (stats,) = summary(model, logging=False)
    assert {d.threshold for d in stats.decisions[""] if d.step == 2} == {expected}


def test_a_run_does_not_see_the_changes_of_the_one_before() -> None:
    model = GainTransformer([0.0] * 4)
    dynamic = config(enable_dynamic_prune_threshold=True, num_inference_steps=3)
    enable_cache(model.adapter(), dynamic)
    thresholds = []
    for run in ((1.0, 1.0, 9.0), (1.0, 1.2, 1.2)):
        for level in run:
            model.at(level)
        (stats,) = summary(model, logging=False)
        thresholds.append([d.threshold for d in stats.decisions[""] if d.step == 2])
    assert thresholds == [[0.08] * 3, [0.16] * 3]


def test_one_snapshot_a_block_can_be_asked_for() -> None:
    held = []
    for reduce in (False, True):
        model = GainTransformer()
        pruned = config(max_warmup_steps=5, force_reduce_calibrator_vram=reduce)
        enable_cache(model.adapter(), pruned, TaylorSeerCalibratorConfig(taylorseer_order=2))
        for _ in range(5):
            model.at(1.0)
        held.append(summary(model, logging=False)[0].held_bytes)
    tensor, blocks = 3 * 4 * 8, 3
    assert held == [blocks * (3 + 1) * tensor, blocks * (1 + 1) * tensor]


def test_pruning_is_chosen_in_a_file_by_its_name_or_by_its_fields() -> None:
    fields = {"Fn_compute_blocks": 1, "max_warmup_steps": 1}
    for chosen in ({"cache_type": "DBPrune"}, {"non_prune_block_ids": [2]}):
        loaded = load_configs({"cache_config": fields | chosen})
        model = GainTransformer()
        enable_cache(model.adapter(), **loaded)
        ran = [model.at(1.0)[1] for _ in range(2)]
        assert ran[1] == ([0, 2] if "non_prune_block_ids" in chosen else [0])


def test_a_refresh_may_change_between_the_two_kinds() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), config())
    refresh_context(model, cache_config=DBCacheConfig(Fn_compute_blocks=1))
    assert summary(model, logging=False)[0].pruned_ratio is None
    refresh_context(model, cache_config=config(non_prune_block_ids=[1]))
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0, 1]]
    assert summary(model, logging=False)[0].pruned_ratio == 2 / 8
