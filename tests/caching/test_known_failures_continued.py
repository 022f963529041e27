"""What users of such libraries ran into, cases 9 to 15: ControlNets, settings, look-up."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

import cache_dit.logger
from cache_dit import (
    BlockAdapter,
    BlockAdapterRegister,
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    ForwardPattern,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    load_configs,
    refresh_context,
    strify,
    summary,
)
from cache_dit.caching.policy import Reason
from cache_dit.verify import zoo
from tests.caching.toys import GainTransformer, StreamTransformer, ThreeLists

CONFIG = DBCacheConfig(Fn_compute_blocks=1, Bn_compute_blocks=1, max_warmup_steps=2)


@pytest.mark.parametrize(
    "name", ["FluxTransformer2DModel/controlnet", "HunyuanDiT2DModel/controlnet"]
)
@pytest.mark.parametrize("front", [1, 3])
@pytest.mark.parametrize("behind", [0, 2, 4])
def test_09_controlnet_residuals(name: str, front: int, behind: int) -> None:
    """9. Conditioning added between blocks is lost or double-counted once steps are reused."""
    entry = zoo.get(name)
    model = entry.build()
    expected = model(**entry.inputs()).sample
    without = {key: None if "controlnet" in key else e for key, e in entry.inputs().items()}
    assert not torch.allclose(model(**without).sample, expected, atol=1e-3)
    config = DBCacheConfig(Fn_compute_blocks=front, Bn_compute_blocks=behind, max_warmup_steps=2)
    enable_cache(model, config, TaylorSeerCalibratorConfig())
    for _ in range(5):
        found = model(**entry.inputs()).sample
        assert (found - expected).abs().max() < 2e-5 * expected.abs().max()
    assert summary(model, logging=False)[0].cached_steps == [2, 3, 4]


@pytest.mark.parametrize("config", [CONFIG, DBPruneConfig(Fn_compute_blocks=1)])
def test_10_nothing_stays_behind(config: DBCacheConfig) -> None:
    """10. After `disable_cache` something stays behind (`forward` in the module's `__dict__`,
    attributes, hooks, memory)."""
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build()

    def state() -> list[tuple[type, dict[str, Any]]]:
        return [
            (type(m), {k: dict(v) if isinstance(v, dict) else v for k, v in vars(m).items()})
            for m in model.modules()
        ]

    before, expected = state(), model(**entry.inputs()).sample
    enable_cache(model, config, TaylorSeerCalibratorConfig())
    for _ in range(4):
        model(**entry.inputs())
    disable_cache(model)
    assert state() == before
    assert torch.equal(model(**entry.inputs()).sample, expected)


@pytest.mark.parametrize("steps", [4, 8])
def test_11_distilled_models(steps: int, caplog: pytest.LogCaptureFixture) -> None:
    """11. A four- or eight-step distilled model never reuses because warm-up is 8: say so in the
    log and in `summary`, and scale a default warm-up down."""
    cache_dit.logger._seen.clear()
    model = GainTransformer()
    enable_cache(model.adapter(), DBCacheConfig(Fn_compute_blocks=1, num_inference_steps=steps))
    with caplog.at_level(logging.WARNING, "cache_dit"):
        for _ in range(steps):
            model.at(1.0)
    (stats,) = summary(model, logging=False)
    assert len(stats.cached_steps) >= steps // 2
    assert "max_warmup_steps lowered from 8" in stats.notes[0]
    assert stats.notes[0] in caplog.text
    chosen = DBCacheConfig(Fn_compute_blocks=1, num_inference_steps=steps, max_warmup_steps=8)
    refresh_context(model, cache_config=chosen)
    with caplog.at_level(logging.WARNING, "cache_dit"):
        for _ in range(steps):
            model.at(1.0)
    (stats,) = summary(model, logging=False)
    assert stats.cached_steps == []
    assert f"A run of {steps} steps is all warm-up (max_warmup_steps=8)" in stats.notes[0]
    assert stats.notes[0] in caplog.text


def test_13_refresh_clears_and_switches() -> None:
    """13. `refresh_context` cannot clear a mask or switch the calibrator's class."""
    model = GainTransformer()
    masked = DBCacheConfig(Fn_compute_blocks=1, steps_computation_mask=[1] * 9)
    enable_cache(model.adapter(), masked, TaylorSeerCalibratorConfig())
    for cleared in (DBCacheConfig().reset(steps_computation_mask=None), DBCacheConfig()):
        refresh_context(model, cache_config=cleared)
        assert summary(model, logging=False)[0].cache_options["steps_computation_mask"] is None
        refresh_context(model, cache_config=masked)
    for calibrator in (DMDCalibratorConfig(), FoCaCalibratorConfig(), CalibratorConfig()):
        refresh_context(model, calibrator_config=calibrator)
        assert strify(model).endswith(f"_{calibrator.strify()}")


def test_13_the_second_request_starts_afresh() -> None:
    """13. A reset by `num_inference_steps` comes one call late, so that request 2 starts from the
    tensors of request 1."""
    for by_refresh in (True, False):
        model = GainTransformer()
        config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1, num_inference_steps=3)
        enable_cache(model.adapter(), config)
        for _ in range(2):
            assert [model.at(1.0)[1] for _ in range(3)] == [[0, 1, 2, 3], [0], [0]]
            if by_refresh:
                refresh_context(model, num_inference_steps=3)
        assert len(summary(model, logging=False)[0].decisions.get("", [])) == 3 * (not by_refresh)


def test_14_the_longest_prefix_wins() -> None:
    """14. Prefix look-up takes the first match: `HunyuanDiTPAG` is shadowed by `HunyuanDiT`."""

    @BlockAdapterRegister.register("HunyuanDiTPAGToy")
    def special(pipe: Any, **kwargs: Any) -> BlockAdapter:
        return pipe.transformer.adapter(pipe=pipe, **kwargs)

    try:
        assert BlockAdapterRegister.get_adapter("HunyuanDiTPAGToyPipeline") is special
        general = BlockAdapterRegister.get_adapter("HunyuanDiTPipeline")
        assert general is not special
        assert BlockAdapterRegister.get_adapter("HunyuanDiTControlNetPipeline") is general
    finally:
        BlockAdapterRegister.unregister("HunyuanDiTPAGToy")


def test_14_an_adapter_that_gives_none_is_named() -> None:
    nothing: Any = lambda pipe, **kwargs: None  # noqa: E731 - a function that is no adapter
    BlockAdapterRegister.register("GainTransformer")(nothing)
    try:
        with pytest.raises(TypeError, match=r"<lambda>: returned None; expected a BlockAdapter"):
            enable_cache(GainTransformer())
    finally:
        BlockAdapterRegister.unregister("GainTransformer")


def test_14_a_new_class_is_not_caught_by_an_old_prefix() -> None:
    """14. A class that nobody knows yet is caught by an old prefix and then fails deep inside. An
    adapter says which classes it accepts, and the blocks are found by their structure instead."""
    model = type("FluxOfTomorrowTransformer2DModel", (GainTransformer,), {})()
    pipe = type("FluxOfTomorrowPipeline", (), {"transformer": model})()
    assert not BlockAdapterRegister.is_supported(pipe)
    with pytest.raises(ValueError, match="FluxOfTomorrowTransformer2DModel is not one of"):
        BlockAdapterRegister.get_adapter(pipe)
    enable_cache(pipe, DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1))
    assert [model.at(1.0, timestep)[1] for timestep in (9.0, 8.0)] == [[0, 1, 2, 3], [0]]


@pytest.mark.parametrize("pattern", [ForwardPattern(p) for p in list(ForwardPattern)[3:]])
def test_15_pruning_through_a_file(pattern: ForwardPattern) -> None:
    """15. DBPrune on patterns 3 to 5, through YAML."""
    model = StreamTransformer(pattern).double()
    inputs = model.inputs()
    expected = model(**inputs)
    fields = {"cache_type": "DBPrune", "Fn_compute_blocks": 1, "max_warmup_steps": 2}
    enable_cache(model.adapter(), **load_configs({"cache_config": fields}))
    for _ in range(4):
        assert torch.allclose(model(**inputs), expected)
    (stats,) = summary(model, logging=False)
    assert (stats.pruned_blocks, stats.actual_blocks) == ([0, 0, 5, 5], [6, 6, 1, 1])


def test_15_two_lists_of_equal_length_and_two_sources_of_settings() -> None:
    """15. DBPrune on two lists of equal length; parameters on the adapter and in the call."""
    model = ThreeLists()
    keep = [
        ParamsModifier(cache_config=DBPruneConfig().reset(non_prune_block_ids=[i])) for i in (1, 2)
    ]
    adapter = BlockAdapter(
        transformer=model,
        blocks=[model.a, model.c["d"]],
        forward_pattern=ForwardPattern.Pattern_3,
        params_modifiers=keep,
    )
    config = DBPruneConfig(Fn_compute_blocks=1, max_warmup_steps=9)
    warmup = ParamsModifier(cache_config=DBPruneConfig().reset(max_warmup_steps=1))
    enable_cache(adapter, config, params_modifiers=warmup)
    assert model.second_step() == [0, 1, 3, 4, 5, 7]
    assert [s.actual_blocks for s in summary(model, logging=False)] == [[3, 2], [3, 2]]


def test_15_transformers_with_unequal_numbers_of_lists() -> None:
    """15. One transformer has two block lists, the other one."""
    first, second = ThreeLists(), ThreeLists()
    adapter = BlockAdapter(
        transformer=[first, second],
        blocks=[[first.a, first.b], [second.c["d"]]],
        forward_pattern=ForwardPattern.Pattern_3,
    )
    enable_cache(adapter, DBPruneConfig(Fn_compute_blocks=1, max_warmup_steps=1))
    assert (first.second_step(), second.second_step()) == ([0, 3, 5, 6, 7], [0, 1, 2, 3, 4, 5])
    (_, second_of_first, of_second) = summary(adapter, logging=False)
    assert (second_of_first.name, of_second.name) == ("b", "c.d")
    assert [d.reason for d in of_second.decisions[""]][-1] is Reason.BELOW
