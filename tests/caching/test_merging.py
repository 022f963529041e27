"""Whose setting counts: shared, of the adapter, of the call, of a refresh."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from cache_dit import (
    BlockAdapter,
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    ForwardPattern,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
    enable_cache,
    refresh_context,
    strify,
    summary,
)
from tests.caching.toys import GainTransformer


def partial(**fields: Any) -> DBCacheConfig:
    return DBCacheConfig().reset(**fields)


def modifier(**fields: Any) -> ParamsModifier:
    return ParamsModifier(cache_config=partial(**fields))


def in_force(model: nn.Module, name: str) -> Any:
    return summary(model, logging=False)[0].cache_options[name]


def test_none_keeps_the_shared_value_and_anything_else_goes_over_it() -> None:
    shared = DBCacheConfig(max_warmup_steps=3, steps_computation_mask=[1, 0])
    merged = shared.merged(partial(residual_diff_threshold=0.3))
    expected = shared.as_dict() | {"residual_diff_threshold": 0.3}
    assert merged.as_dict() == expected
    assert shared.residual_diff_threshold == 0.08  # untouched


def test_a_none_is_taken_over_only_where_it_was_said_and_is_legal() -> None:
    shared = DBCacheConfig(max_warmup_steps=3, steps_computation_mask=[1, 0])
    said = partial(steps_computation_mask=None, max_warmup_steps=None)
    assert shared.merged(said).steps_computation_mask == [1, 0]
    cleared = shared.merged(said, clear=True)
    assert cleared.steps_computation_mask is None
    assert cleared.max_warmup_steps == 3
    assert shared.merged(partial(), clear=True).steps_computation_mask == [1, 0]


def test_a_none_set_as_an_attribute_counts_as_said() -> None:
    config = partial()
    config.steps_computation_mask = None
    shared = DBCacheConfig(steps_computation_mask=[1, 0])
    assert shared.merged(config, clear=True).steps_computation_mask is None


def test_a_whole_config_replaces_every_value() -> None:
    shared = DBCacheConfig(max_warmup_steps=3, steps_computation_mask=[1, 0])
    assert shared.merged(DBCacheConfig(), clear=True).as_dict() == DBCacheConfig().as_dict()


def test_the_kind_follows_the_more_special_config() -> None:
    assert type(DBCacheConfig().merged(DBPruneConfig())) is DBPruneConfig
    assert type(DBPruneConfig().merged(DBCacheConfig())) is DBCacheConfig
    assert type(DBPruneConfig().merged(partial(max_warmup_steps=2))) is DBPruneConfig
    pruned = DBCacheConfig(max_warmup_steps=3).merged(
        DBPruneConfig().reset(non_prune_block_ids=[1])
    )
    assert type(pruned) is DBPruneConfig
    assert (pruned.non_prune_block_ids, pruned.max_warmup_steps) == ([1], 3)


def test_a_partial_calibrator_keeps_the_kind_and_a_whole_one_changes_it() -> None:
    shared = TaylorSeerCalibratorConfig(taylorseer_order=1)
    assert shared.merged(TaylorSeerCalibratorConfig().reset(taylorseer_order=3)).strify() == (
        "TaylorSeer_O3"
    )
    assert shared.merged(DMDCalibratorConfig()).strify() == "DMD_H6R0"
    off = shared.merged(CalibratorConfig().reset(enable_encoder_calibrator=False))
    assert (off.strify(), off.enable_encoder_calibrator) == ("TaylorSeer_O1", False)


def test_values_that_do_not_go_together_are_found_after_merging() -> None:
    shared = DBCacheConfig(cfg_diff_compute_separate=False)
    with pytest.raises(ValueError, match="cfg_compute_first=True with"):
        shared.merged(partial(cfg_compute_first=True))


def test_what_a_partial_config_leaves_open_has_its_default() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), partial(residual_diff_threshold=0.3))
    assert in_force(model, "residual_diff_threshold") == 0.3
    assert in_force(model, "max_warmup_steps") == 8


def test_the_call_goes_over_the_adapter_and_both_over_the_shared_config() -> None:
    model = GainTransformer()
    enable_cache(
        model.adapter(params_modifiers=modifier(max_warmup_steps=2, residual_diff_threshold=0.2)),
        DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=4, max_cached_steps=9),
        params_modifiers=modifier(residual_diff_threshold=0.3),
    )
    assert strify(model) == "DBCache_F1B0_W2I1M9MC0_R0.3_NONE"


def test_a_refresh_goes_over_them_all() -> None:
    model = GainTransformer()
    enable_cache(
        model.adapter(),
        DBCacheConfig(Fn_compute_blocks=1),
        params_modifiers=modifier(residual_diff_threshold=0.3, steps_computation_mask=[1, 0]),
    )
    refresh_context(model, cache_config=partial(residual_diff_threshold=0.5))
    assert in_force(model, "residual_diff_threshold") == 0.5
    assert in_force(model, "steps_computation_mask") == [1, 0]
    refresh_context(model, cache_config=DBCacheConfig(Fn_compute_blocks=2))
    assert in_force(model, "residual_diff_threshold") == 0.08
    assert in_force(model, "steps_computation_mask") is None


def two_transformers(**options: Any) -> tuple[GainTransformer, GainTransformer, BlockAdapter]:
    first, second = GainTransformer(), GainTransformer()
    adapter = BlockAdapter(
        transformer=[first, second],
        blocks=[first.blocks, second.blocks],
        forward_pattern=ForwardPattern.Pattern_3,
        **options,
    )
    return first, second, adapter


def test_a_refresh_of_one_transformer_leaves_the_other_alone() -> None:
    first, second, adapter = two_transformers()
    enable_cache(adapter, DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1))
    refresh_context(first, cache_config=partial(residual_diff_threshold=0.5))
    assert in_force(second, "residual_diff_threshold") == 0.08
    refresh_context(second, num_inference_steps=4)
    assert in_force(second, "residual_diff_threshold") == 0.08
    assert in_force(first, "num_inference_steps") is None
    assert in_force(first, "residual_diff_threshold") == 0.5


def test_a_refresh_that_is_refused_leaves_everything_as_it_was() -> None:
    first, second, adapter = two_transformers()
    enable_cache(adapter, DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1))
    for model in (first, second):
        model.at(1.0)
    before = [strify(model) for model in (first, second)]
    for name, value in (("Fn_compute_blocks", 9), ("steps_computation_mask", "fast")):
        with pytest.raises(ValueError, match=f"{name}={value!r}"):
            refresh_context(adapter, cache_config=DBCacheConfig(**{name: value}))
        assert [strify(model) for model in (first, second)] == before
    assert first.at(1.0)[1] == [0]  # the run goes on


def test_the_length_of_a_run_may_differ_between_transformers() -> None:
    first, second, adapter = two_transformers(
        params_modifiers=[modifier(num_inference_steps=2), modifier(num_inference_steps=3)]
    )
    enable_cache(adapter, DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1))
    ran = [[model.at(1.0)[1] == [0, 1, 2, 3] for _ in range(6)] for model in (first, second)]
    assert ran == [[True, False] * 3, [True, False, False] * 2]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"cache_config": {"Fn_compute_blocks": 1}}, "DBCacheConfig or None, got {'Fn"),
        ({"cache_config": FoCaCalibratorConfig()}, "DBCacheConfig or None, got FoCa"),
        ({"calibrator_config": "taylorseer"}, "CalibratorConfig or None, got 'taylorseer'"),
        ({"params_modifiers": DBCacheConfig()}, "expected a ParamsModifier, got DBCacheConfig"),
        ({"params_modifiers": [ParamsModifier()] * 3}, "3 entries for 1 block lists"),
        (
            {"params_modifiers": ParamsModifier(cache_config=FoCaCalibratorConfig())},
            "DBCacheConfig or None, got FoCa",
        ),
    ],
)
def test_settings_of_the_wrong_type_are_an_error(arguments: dict[str, Any], complaint: str) -> None:
    model = GainTransformer()
    with pytest.raises(ValueError, match=complaint):
        enable_cache(model.adapter(), **arguments)
    assert type(model) is GainTransformer
    assert summary(model, logging=False) == []
