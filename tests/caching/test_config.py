"""Settings: what is legal, how they are changed, what they say of themselves."""

from __future__ import annotations

import copy
import math
import pickle
from dataclasses import fields
from typing import Any

import pytest

from cache_dit import (
    NONE,
    BasicCacheConfig,
    CacheType,
    DBCache,
    DBCacheConfig,
    DBPrune,
    DBPruneConfig,
    cache_type,
    enable_cache,
)
from tests.caching.toys import GainTransformer

DOCUMENTED_DEFAULTS = {
    "Fn_compute_blocks": 8,
    "Bn_compute_blocks": 0,
    "residual_diff_threshold": 0.08,
    "max_accumulated_residual_diff_threshold": None,
    "max_warmup_steps": 8,
    "warmup_interval": 1,
    "max_cached_steps": -1,
    "max_continuous_cached_steps": -1,
    "enable_separate_cfg": None,
    "cfg_compute_first": False,
    "cfg_diff_compute_separate": True,
    "num_inference_steps": None,
    "steps_computation_mask": None,
    "steps_computation_policy": "dynamic",
    "force_refresh_step_hint": None,
    "force_refresh_step_policy": "once",
}
PRUNE_DEFAULTS = {
    "enable_dynamic_prune_threshold": False,
    "max_dynamic_prune_threshold": None,
    "dynamic_prune_threshold_relax_ratio": 1.25,
    "non_prune_block_ids": [],
    "force_reduce_calibrator_vram": False,
}

BAD_VALUES: dict[str, list[Any]] = {
    "Fn_compute_blocks": [0, -1, 2.0, True, "8", math.nan],
    "Bn_compute_blocks": [-1, 0.0, False, "0"],
    "residual_diff_threshold": [math.nan, "0.1", True, [0.1]],
    "max_accumulated_residual_diff_threshold": [0, 0.0, -1.0, math.nan, "1"],
    "max_warmup_steps": [-1, 1.5, True, "8"],
    "warmup_interval": [0, -1, 1.0, True],
    "max_cached_steps": [-2, 1.0, True, "3"],
    "max_continuous_cached_steps": [-2, 2.5, True, "3"],
    "enable_separate_cfg": [0, 1, "yes"],
    "cfg_compute_first": [0, 1, "no"],
    "cfg_diff_compute_separate": [0, 1, "no"],
    "num_inference_steps": [0, -1, 28.0, True, "28"],
    "steps_computation_mask": [[], [0, 2], [1, -1], [0.5], "quick", 3, {0: 1}],
    "steps_computation_policy": [0, True, ["static"]],
    "force_refresh_step_hint": [0, -1, 2.0, True, "3"],
    "force_refresh_step_policy": ["twice", 1, True],
}
BAD_PRUNE_VALUES: dict[str, list[Any]] = {
    "enable_dynamic_prune_threshold": [0, "yes"],
    "max_dynamic_prune_threshold": [0.0, -1.0, math.nan, "1"],
    "dynamic_prune_threshold_relax_ratio": [0.0, -1.0, math.nan, "1"],
    "non_prune_block_ids": [[-1], [1.5], ["1"], 3, [True]],
    "force_reduce_calibrator_vram": [0, "yes"],
}
CASES = [
    (kind, name, value)
    for kind, table in ((DBCacheConfig, BAD_VALUES), (DBPruneConfig, BAD_VALUES | BAD_PRUNE_VALUES))
    for name, values in table.items()
    for value in values
]


def test_defaults_are_as_documented() -> None:
    assert DBCacheConfig().as_dict() == DOCUMENTED_DEFAULTS
    assert DBPruneConfig().as_dict() == DOCUMENTED_DEFAULTS | PRUNE_DEFAULTS
    assert BasicCacheConfig() == DBCacheConfig()


def test_every_field_has_bad_values_here() -> None:
    assert set(BAD_VALUES) == {field.name for field in fields(DBCacheConfig)}
    assert set(BAD_VALUES | BAD_PRUNE_VALUES) == {field.name for field in fields(DBPruneConfig)}


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_a_bad_value_is_an_error_naming_field_value_and_range(
    kind: type[DBCacheConfig], name: str, value: Any
) -> None:
    with pytest.raises(ValueError) as caught:
        kind(**{name: value})
    message = str(caught.value)
    assert message.startswith(f"{kind.__name__}: {name}={value!r}")
    assert "xpected" in message


@pytest.mark.parametrize(("kind", "name", "value"), CASES)
def test_a_bad_value_set_later_is_an_error_at_enabling(
    kind: type[DBCacheConfig], name: str, value: Any
) -> None:
    config, model = kind(), GainTransformer()
    setattr(config, name, value)
    with pytest.raises(ValueError, match=f"{kind.__name__}: {name}="):
        enable_cache(model.adapter(), config)
    assert type(model) is GainTransformer


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("residual_diff_threshold", -1),
        ("residual_diff_threshold", 0),
        ("residual_diff_threshold", 5.0),
        ("residual_diff_threshold", math.inf),
        ("max_cached_steps", 0),
        ("steps_computation_mask", [1]),
        ("steps_computation_mask", (1, 0)),
        ("steps_computation_mask", "ultra"),
        ("steps_computation_policy", "anything"),
        ("Fn_compute_blocks", 1),
    ],
)
def test_legal_values_at_the_edge(name: str, value: Any) -> None:
    assert getattr(DBCacheConfig(**{name: value}), name) == value


def test_the_unconditional_call_cannot_follow_what_comes_after_it() -> None:
    with pytest.raises(ValueError, match="cfg_compute_first=True with cfg_diff_compute_separate"):
        DBCacheConfig(cfg_compute_first=True, cfg_diff_compute_separate=False)


def test_update_sets_what_is_not_none() -> None:
    config = DBCacheConfig(max_warmup_steps=3)
    returned = config.update(residual_diff_threshold=0.2, max_warmup_steps=None)
    assert returned is config
    assert (config.residual_diff_threshold, config.max_warmup_steps) == (0.2, 3)


@pytest.mark.parametrize("method", ["update", "reset", "empty"])
def test_a_change_that_is_refused_changes_nothing(method: str) -> None:
    config = DBCacheConfig(residual_diff_threshold=0.3)
    before = copy.deepcopy(vars(config))
    with pytest.raises(ValueError, match="max_warmup_steps=-1"):
        getattr(config, method)(residual_diff_threshold=0.2, max_warmup_steps=-1)
    with pytest.raises(ValueError, match=r"no field residual_dif_threshold.*residual_diff_"):
        getattr(config, method)(residual_dif_threshold=0.2)
    assert vars(config) == before


@pytest.mark.parametrize("method", ["reset", "empty"])
def test_reset_sets_every_field_to_none_but_the_given_ones(method: str) -> None:
    config = DBPruneConfig(max_warmup_steps=3)
    assert getattr(config, method)(residual_diff_threshold=0.2) is config
    values = config.as_dict()
    assert values.pop("residual_diff_threshold") == 0.2
    assert set(values.values()) == {None}
    assert len(values) == len(fields(DBPruneConfig)) - 1


@pytest.mark.parametrize(
    ("config", "tag"),
    [
        (
            DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=8),
            "DBCache_F1B0_W8I1M0MC0_R0.08",
        ),
        (
            DBCacheConfig(
                Fn_compute_blocks=4,
                Bn_compute_blocks=2,
                max_warmup_steps=6,
                warmup_interval=2,
                max_cached_steps=10,
                max_continuous_cached_steps=3,
                residual_diff_threshold=0.24,
            ),
            "DBCache_F4B2_W6I2M10MC3_R0.24",
        ),
        (DBPruneConfig(), "DBPrune_F8B0_W8I1M0MC0_R0.08"),
    ],
)
def test_the_tag_is_short_and_complete(config: DBCacheConfig, tag: str) -> None:
    assert config.strify() == tag


@pytest.mark.parametrize("kind", [DBCacheConfig, DBPruneConfig])
@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda config: pickle.loads(pickle.dumps(config))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_are_equal_and_independent(kind: type[DBCacheConfig], duplicate: Any) -> None:
    for config in (kind(max_warmup_steps=3), kind().reset(steps_computation_mask=None)):
        made = duplicate(config)
        assert made == config
        assert vars(made) == vars(config)
        assert made.update(max_warmup_steps=5) != config


def test_two_configs_share_nothing() -> None:
    DBPruneConfig().non_prune_block_ids.append(3)
    assert DBPruneConfig().non_prune_block_ids == []


def test_a_default_that_fits_is_lowered_and_a_chosen_value_is_not() -> None:
    """Eight blocks and eight steps are nobody's choice; the same numbers, given, are."""
    model = GainTransformer()
    enable_cache(model.adapter(), DBCacheConfig())
    with pytest.raises(ValueError, match=r"Fn_compute_blocks=8 \+ Bn_compute_blocks=0 .* 4 blocks"):
        enable_cache(model.adapter(), DBCacheConfig(Fn_compute_blocks=8))


def test_a_tail_that_leaves_no_room_for_a_front_is_an_error() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), DBCacheConfig(Bn_compute_blocks=3))
    for behind in (4, 9):
        with pytest.raises(ValueError, match=f"Bn_compute_blocks={behind} is more than the 4 bl"):
            enable_cache(model.adapter(), DBCacheConfig(Bn_compute_blocks=behind))


def test_cache_types_have_names() -> None:
    assert [cache_type(each.value) for each in (NONE, DBCache, DBPrune)] == list(CacheType)
    assert cache_type(DBPrune) is DBPrune
    with pytest.raises(ValueError, match=r"'DBCash'.*'NONE', 'DBCache', 'DBPrune'"):
        cache_type("DBCash")
