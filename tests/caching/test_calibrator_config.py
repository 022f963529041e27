"""Settings of the calibrators, and what is made of them."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
    enable_cache,
    summary,
)
from cache_dit.caching.calibrators import CalibratorRegister, Hold
from cache_dit.caching.calibrators.predictor import make_predictor
from tests.caching.toys import GainTransformer


def test_defaults_are_as_documented() -> None:
    plain = CalibratorConfig()
    assert not plain.enable_calibrator
    assert not plain.enable_encoder_calibrator
    assert plain.calibrator_cache_type == "residual"
    for kind in (TaylorSeerCalibratorConfig, FoCaCalibratorConfig, DMDCalibratorConfig):
        assert kind().enable_calibrator
        assert kind().enable_encoder_calibrator
    assert TaylorSeerCalibratorConfig().arguments() == {"order": 1}
    assert FoCaCalibratorConfig().arguments() == {}
    assert DMDCalibratorConfig().arguments() == {"history": 6, "rank": 0, "ridge": 1e-8}


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (CalibratorConfig, "enable_calibrator", 1),
        (CalibratorConfig, "enable_encoder_calibrator", "yes"),
        (CalibratorConfig, "calibrator_type", 3),
        (CalibratorConfig, "calibrator_cache_type", "output"),
        (CalibratorConfig, "calibrator_kwargs", 3),
        (TaylorSeerCalibratorConfig, "taylorseer_order", -1),
        (TaylorSeerCalibratorConfig, "taylorseer_order", 1.0),
        (TaylorSeerCalibratorConfig, "taylorseer_order", True),
        (DMDCalibratorConfig, "dmd_history", 3),
        (DMDCalibratorConfig, "dmd_rank", -1),
        (DMDCalibratorConfig, "dmd_ridge", -1e-9),
        (DMDCalibratorConfig, "dmd_ridge", math.nan),
        (DMDCalibratorConfig, "dmd_ridge", "small"),
        (DMDCalibratorConfig, "dmd_ridge", True),
        (DMDCalibratorConfig, "dmd_ridge", math.inf),
    ],
)
def test_a_bad_value_is_an_error_naming_field_and_value(
    kind: type[CalibratorConfig], name: str, value: Any
) -> None:
    with pytest.raises(ValueError, match=f"{kind.__name__}: {name}={value!r}.*xpected"):
        kind(**{name: value})


@pytest.mark.parametrize(
    ("config", "tag"),
    [
        (CalibratorConfig(), "NONE"),
        (TaylorSeerCalibratorConfig(), "TaylorSeer_O1"),
        (TaylorSeerCalibratorConfig(taylorseer_order=3), "TaylorSeer_O3"),
        (FoCaCalibratorConfig(), "FoCa"),
        (DMDCalibratorConfig(), "DMD_H6R0"),
        (
            TaylorSeerCalibratorConfig(enable_calibrator=False, enable_encoder_calibrator=False),
            "NONE",
        ),
        (
            FoCaCalibratorConfig(enable_calibrator=False, enable_encoder_calibrator=False),
            "NONE",
        ),
        (DMDCalibratorConfig(enable_calibrator=False, enable_encoder_calibrator=False), "NONE"),
    ],
)
def test_the_tag_says_what_predicts(config: CalibratorConfig, tag: str) -> None:
    assert config.strify() == tag


@pytest.mark.parametrize(
    "config",
    [TaylorSeerCalibratorConfig(taylorseer_order=2), DMDCalibratorConfig().reset(dmd_rank=2)],
)
def test_copies_are_equal(config: CalibratorConfig) -> None:
    for made in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert made == config
        assert vars(made) == vars(config)


def held(config: CalibratorConfig) -> int:
    """How many snapshots are kept of the denoised stream."""
    model = GainTransformer()
    static = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=8,
        steps_computation_mask=[1] * 10,
        steps_computation_policy="static",
    )
    enable_cache(model.adapter(), static, config)
    for _ in range(9):
        model.at(1.0)
    return summary(model, logging=False)[0].held_bytes // (3 * 4 * 8)


def test_arguments_come_from_fields_or_from_keywords() -> None:
    named = CalibratorConfig(
        enable_calibrator=True, calibrator_type="taylorseer", calibrator_kwargs={"order": 4}
    )
    assert held(named) == 5
    assert held(TaylorSeerCalibratorConfig(calibrator_kwargs={"taylorseer_order": 3})) == 4
    assert held(TaylorSeerCalibratorConfig(taylorseer_order=2)) == 3


def test_only_what_is_enabled_is_predicted() -> None:
    assert held(CalibratorConfig(calibrator_type="foca")) == 1
    assert held(FoCaCalibratorConfig(enable_calibrator=False)) == 1
    assert held(FoCaCalibratorConfig(enable_encoder_calibrator=False)) == 3


def test_an_unknown_calibrator_is_an_error_that_names_the_known_ones() -> None:
    model = GainTransformer()
    config = CalibratorConfig(enable_calibrator=True, calibrator_type="taylorsear")
    with pytest.raises(ValueError, match=r"calibrator for taylorsear\. Closest: taylorseer"):
        enable_cache(model.adapter(), DBCacheConfig(Fn_compute_blocks=1), config)
    assert type(model) is GainTransformer


def test_an_argument_that_a_calibrator_does_not_take_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"Calibrator 'taylorseer'.*speed.*'speed': 2"):
        make_predictor("taylorseer", {"speed": 2})


@pytest.mark.parametrize(
    ("kind", "arguments", "complaint"),
    [
        ("taylorseer", {"order": -1}, "it would keep 0 snapshots"),
        ("taylorseer", {"order": 1.5}, "it would keep 2.5 snapshots"),
        ("dmd", {"history": 3}, "history=3, .*expected at least 4"),
        ("dmd", {"rank": -1}, "rank=-1"),
        ("dmd", {"ridge": float("nan")}, "ridge=nan"),
        ("dmd", {"ridge": "small"}, "not supported between"),
    ],
)
def test_an_argument_out_of_its_range_is_an_error_at_enabling(
    kind: str, arguments: dict[str, Any], complaint: str
) -> None:
    model = GainTransformer()
    config = CalibratorConfig(
        enable_calibrator=True, calibrator_type=kind, calibrator_kwargs=arguments
    )
    with pytest.raises(ValueError, match=f"Calibrator '{kind}': .*{complaint}.*given: {{"):
        enable_cache(model.adapter(), DBCacheConfig(Fn_compute_blocks=1), config)
    assert type(model) is GainTransformer


def test_a_calibrator_can_be_added_from_outside() -> None:
    @CalibratorRegister.register("twice_held")
    class TwiceHeld(Hold):
        history = 2

    try:
        assert held(CalibratorConfig(enable_calibrator=True, calibrator_type="twice_held")) == 2
    finally:
        CalibratorRegister.unregister("twice_held")


def test_a_modifier_takes_old_keywords() -> None:
    modifier = ParamsModifier(residual_diff_threshold=0.3)
    assert modifier.cache_config is not None
    assert modifier.cache_config.as_dict()["residual_diff_threshold"] == 0.3
    assert modifier.cache_config.as_dict()["max_warmup_steps"] is None
    with pytest.raises(ValueError, match="no field residual_dif_threshold"):
        ParamsModifier(residual_dif_threshold=0.3)
    shared = DBCacheConfig()
    assert ParamsModifier(shared, residual_diff_threshold=0.3).cache_config != shared
    assert shared == DBCacheConfig()
