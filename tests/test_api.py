"""What users call: what it takes, what it returns, and what it says about mistakes."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import (
    BasicCacheConfig,
    BlockAdapter,
    DBCacheConfig,
    DBPruneConfig,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    get_adapter,
    refresh_context,
    strify,
    summary,
    supported_pipelines,
)
from cache_dit.verify import zoo
from tests.caching.toys import GainTransformer


class Pipeline:
    def __init__(self, transformer: nn.Module) -> None:
        self.transformer = transformer

    def __call__(self, num_inference_steps: int = 4) -> None:
        for _ in range(num_inference_steps):
            self.transformer.at(1.0)


def test_it_returns_what_it_was_given() -> None:
    model = GainTransformer()
    pipe = Pipeline(model)
    for target in (pipe, model, model.adapter(), model.adapter(pipe=pipe)):
        assert enable_cache(target) is target
        assert disable_cache(target) is target
        assert type(model) is GainTransformer


@pytest.mark.parametrize("enabled", ["pipeline", "adapter", "transformer"])
@pytest.mark.parametrize("asked", ["pipeline", "adapter", "transformer"])
def test_pipeline_adapter_and_transformer_stand_for_each_other(enabled: str, asked: str) -> None:
    model = GainTransformer()
    pipe = Pipeline(model)
    targets = {"pipeline": pipe, "adapter": model.adapter(pipe=pipe), "transformer": model}
    enable_cache(targets[enabled])
    target = targets[asked]
    assert len(summary(target, logging=False)) == 1
    refresh_context(target, cache_config=DBCacheConfig().reset(residual_diff_threshold=0.5))
    assert "_R0.5_" in strify(target)
    disable_cache(target)
    assert [summary(each, logging=False) for each in targets.values()] == [[], [], []]
    assert (type(pipe), type(model)) == (Pipeline, GainTransformer)


def test_nothing_given_means_the_default_settings() -> None:
    model = zoo.get("FluxTransformer2DModel").build()
    for config in ((), (None,), (BasicCacheConfig(),), (DBCacheConfig(),)):
        enable_cache(model, *config)
        assert strify(model) == "DBCache_F5B0_W8I1M0MC0_R0.08_NONE"


class Unknown(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        (None, r"got None\. Give the pipeline, a BlockAdapter or the transformer itself"),
        ([Unknown()], r"got a list\. Give the pipeline"),
        (Unknown, r"got the class Unknown\. Give the pipeline"),
        (object(), r"No block adapter for object"),
        ("FluxPipeline", r"got the name 'FluxPipeline'\. Give the pipeline"),
        (Unknown(), r"Unknown: no block list.*Give a BlockAdapter with blocks=.*forward_pattern"),
        (Pipeline(Unknown()), r"Unknown: no block list"),
    ],
)
def test_an_unsupported_object_is_an_error_that_says_what_is_needed(
    target: Any, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        enable_cache(target)


def test_a_parallelism_config_of_another_kind_is_an_error() -> None:
    wrong: Any = {"ulysses_size": 2}
    with pytest.raises(ValueError, match=r"parallelism_config=\{.*\}; expected a Para"):
        enable_cache(GainTransformer(), parallelism_config=wrong)


OLD = {
    "Fn_compute_blocks": 2,
    "Bn_compute_blocks": 1,
    "residual_diff_threshold": 0.2,
    "max_accumulated_residual_diff_threshold": 0.5,
    "max_warmup_steps": 3,
    "warmup_interval": 2,
    "max_cached_steps": 5,
    "max_continuous_cached_steps": 2,
    "enable_separate_cfg": True,
    "cfg_compute_first": False,
    "cfg_diff_compute_separate": False,
    "num_inference_steps": 9,
    "steps_computation_mask": [1, 0],
    "steps_computation_policy": "static",
    "force_refresh_step_hint": 4,
    "force_refresh_step_policy": "repeat",
}


def test_every_field_is_still_a_keyword_with_a_warning() -> None:
    model = GainTransformer()
    with pytest.warns(DeprecationWarning, match=r"enable_cache: .*settings as keywords are depre"):
        enable_cache(model.adapter(), **OLD, enable_taylorseer=True, taylorseer_order=3)
    (stats,) = summary(model, logging=False)
    assert stats.cache_options == {"tag": stats.cache_options["tag"]} | OLD
    assert set(OLD) == set(DBCacheConfig.names())
    assert strify(model).endswith("_TaylorSeer_O3")


def test_old_keywords_go_over_a_config_that_is_given_too() -> None:
    model = GainTransformer()
    with pytest.warns(DeprecationWarning):
        enable_cache(
            model.adapter(),
            DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=5),
            TaylorSeerCalibratorConfig(taylorseer_order=2),
            residual_diff_threshold=0.3,
        )
    assert strify(model) == "DBCache_F1B0_W5I1M0MC0_R0.3_TaylorSeer_O2"


@pytest.mark.parametrize(
    ("keywords", "tag"),
    [
        ({"cache_type": cache_dit.DBCache}, "DBCache_F2B0_W8I1M0MC0_R0.08_NONE"),
        ({"cache_type": "DBPrune"}, "DBPrune_F2B0_W8I1M0MC0_R0.08_NONE"),
        ({"non_prune_block_ids": [1]}, "DBPrune_F2B0_W8I1M0MC0_R0.08_NONE"),
        (
            {"enable_encoder_taylorseer": True, "taylorseer_cache_type": "hidden_states"},
            "DBCache_F2B0_W8I1M0MC0_R0.08_TaylorSeer_O1",
        ),
        ({"enable_taylorseer": False}, "DBCache_F2B0_W8I1M0MC0_R0.08_NONE"),
    ],
)
def test_old_keywords_beyond_the_fields(keywords: dict[str, Any], tag: str) -> None:
    model = GainTransformer()
    with pytest.warns(DeprecationWarning):
        enable_cache(model.adapter(), **keywords)
    assert strify(model) == tag


@pytest.mark.parametrize("nothing", [cache_dit.NONE, "NONE"])
def test_a_cache_type_of_none_caches_nothing(nothing: Any) -> None:
    model = GainTransformer()
    assert enable_cache(model, cache_type=nothing, Fn_compute_blocks=1) is model
    options = cache_dit.load_configs({"cache_config": {"cache_type": "NONE"}})
    assert enable_cache(model, **options) is model
    assert type(model) is GainTransformer
    enable_cache(model)
    with pytest.warns(DeprecationWarning), pytest.raises(ValueError, match="Call disable_cache"):
        refresh_context(model, cache_type=nothing)


def test_old_keywords_of_a_refresh_change_what_they_speak_about() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=5))
    with pytest.warns(DeprecationWarning):
        refresh_context(model, residual_diff_threshold=0.3, num_inference_steps=9)
    assert strify(model) == "DBCache_F1B0_W5I1M0MC0_R0.3_NONE"
    with pytest.warns(DeprecationWarning):
        refresh_context(model, enable_taylorseer=True)
    assert strify(model) == "DBCache_F1B0_W5I1M0MC0_R0.3_TaylorSeer_O1"


@pytest.mark.parametrize("function", [enable_cache, refresh_context])
def test_an_unknown_keyword_is_an_error_naming_the_nearest(function: Any) -> None:
    model = GainTransformer()
    enable_cache(model.adapter())
    with warnings.catch_warnings(), pytest.raises(ValueError) as caught:
        warnings.simplefilter("ignore")
        function(model, residual_dif_threshold=0.3)
    assert str(caught.value) == (
        f"{function.__name__}: unknown key 'residual_dif_threshold'. "
        "Nearest known key: 'residual_diff_threshold'."
    )


def test_new_names_give_no_warning() -> None:
    model = GainTransformer()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        enable_cache(model.adapter(), DBPruneConfig(), TaylorSeerCalibratorConfig())
        refresh_context(model, num_inference_steps=4, enable_separate_cfg=True)
    options = summary(model, logging=False)[0].cache_options
    assert (options["num_inference_steps"], options["enable_separate_cfg"]) == (4, True)


def test_a_refresh_of_what_is_not_enabled_is_an_error() -> None:
    with pytest.raises(ValueError, match="not enabled on this GainTransformer"):
        refresh_context(GainTransformer(), num_inference_steps=4)


def test_a_refresh_may_be_logged(caplog: pytest.LogCaptureFixture) -> None:
    model = GainTransformer()
    enable_cache(model.adapter())
    caplog.clear()
    with caplog.at_level("INFO", "cache_dit"):
        refresh_context(model, num_inference_steps=4, verbose=False)
        assert "DBCache_F2B0" not in caplog.text
        refresh_context(model, num_inference_steps=4, verbose=True)
    assert "blocks: DBCache_F2B0" in caplog.text


def test_never_reusing_is_bit_identical() -> None:
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build()
    inputs = [entry.step_inputs(step) for step in range(4)]
    expected = [model(**each).sample for each in inputs]
    never = [
        DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=0, residual_diff_threshold=0.0),
        DBCacheConfig(Fn_compute_blocks=1, max_cached_steps=0),
        DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=9),
        DBCacheConfig(Fn_compute_blocks=1, steps_computation_mask=[1]),
        DBCacheConfig(Fn_compute_blocks=10),
        DBPruneConfig(Fn_compute_blocks=1, residual_diff_threshold=-1.0),
    ]
    for config in never:
        enable_cache(model, config, TaylorSeerCalibratorConfig())
        for each, output in zip(inputs, expected, strict=True):
            assert torch.equal(model(**each).sample, output)


def test_adapters_of_registered_models_can_be_looked_up() -> None:
    model = zoo.get("FluxTransformer2DModel").build()
    adapter = get_adapter(model)
    assert isinstance(adapter, BlockAdapter)
    assert adapter.transformers()[0].transformer is model
    with pytest.raises(ValueError, match="No block adapter for Unknown"):
        get_adapter(Unknown())
    count, names = supported_pipelines()
    assert count == len(names) == len(set(names))
    assert {"Flux", "QwenImage", "Wan"} <= set(names)


def test_quantization_is_refused_and_the_model_untouched() -> None:
    model = GainTransformer()
    with pytest.raises(NotImplementedError, match=r"quantize_config: .* not built yet"):
        cache_dit.enable_cache(model, DBCacheConfig(), quantize_config={"quant_type": "float8"})
    assert cache_dit.summary(model) == []
