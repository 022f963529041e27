"""What users of such libraries ran into, cases 8 to 15: offload, ControlNets, settings, look-up."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import accelerate
import pytest
import torch
from accelerate.hooks import AlignDevicesHook, remove_hook_from_module
from torch import nn

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
CPU = torch.device("cpu")


def in_both_orders(model: nn.Module, offload: Callable[[], None], first: bool) -> None:
    if first:
        offload()
    enable_cache(model, CONFIG)
    if not first:
        offload()


@pytest.mark.parametrize("offloaded_first", [True, False])
@pytest.mark.parametrize("disabled_first", [True, False])
def test_08_sequential_offload(
    monkeypatch: pytest.MonkeyPatch, offloaded_first: bool, disabled_first: bool
) -> None:
    """8. CPU offload applied before or after enabling: recursion, failing signature checks,
    weights fetched for blocks that are then skipped."""
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build()
    expected = model(**entry.inputs()).sample
    fetched: list[nn.Module] = []
    fetch = AlignDevicesHook.pre_forward

    def noting(self: AlignDevicesHook, module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        fetched.append(module)
        return fetch(self, module, *args, **kwargs)

    monkeypatch.setattr(AlignDevicesHook, "pre_forward", noting)
    in_both_orders(model, lambda: accelerate.cpu_offload(model, CPU) and None, offloaded_first)
    for step in range(4):
        fetched.clear()
        assert torch.allclose(model(**entry.inputs()).sample, expected, atol=1e-5)
        skipped = [*model.transformer_blocks[1:], *model.single_transformer_blocks[:-1]]
        parts = {id(part) for block in skipped for part in block.modules()}
        assert fetched
        assert any(id(module) in parts for module in fetched) is (step < 2)
    if disabled_first:
        disable_cache(model)
        assert torch.equal(model(**entry.inputs()).sample, expected)
    remove_hook_from_module(model, recurse=True)
    disable_cache(model)
    assert torch.equal(model(**entry.inputs()).sample, expected)
    assert type(model) is entry.model_class


@pytest.mark.parametrize("offloaded_first", [True, False])
def test_08_a_hook_of_a_whole_model(offloaded_first: bool) -> None:
    """8. The same with the kind of hook that model offload puts on the transformer itself."""
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build()
    expected = model(**entry.inputs()).sample
    in_both_orders(
        model,
        lambda: accelerate.cpu_offload_with_hook(model, CPU) and None,
        offloaded_first,
    )
    for _ in range(4):
        assert torch.allclose(model(**entry.inputs()).sample, expected, atol=1e-5)
    assert summary(model, logging=False)[0].cached_steps == [2, 3]
    disable_cache(model)
    remove_hook_from_module(model)
    assert torch.equal(model(**entry.inputs()).sample, expected)


@pytest.mark.parametrize("offloaded_first", [True, False])
@pytest.mark.parametrize(
    ("options", "works"),
    [
        ({"offload_type": "block_level", "num_blocks_per_group": 1}, True),
        ({"offload_type": "leaf_level"}, True),
        ({"offload_type": "block_level", "num_blocks_per_group": 2}, False),
    ],
)
def test_08_group_offload(
    tmp_path: Path, offloaded_first: bool, options: dict[str, Any], works: bool
) -> None:
    """8. Groups of weights that one block fetches for others cannot go with skipped blocks."""
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build()
    expected = model(**entry.inputs()).sample
    where = {"onload_device": CPU, "offload_device": CPU, "offload_to_disk_path": str(tmp_path)}

    def run() -> None:
        in_both_orders(
            model, lambda: model.enable_group_offload(**where, **options), offloaded_first
        )
        for _ in range(4):  # weights that were not fetched are whatever was in memory
            assert torch.allclose(model(**entry.inputs()).sample, expected, atol=1e-5)

    if works:
        run()
        assert summary(model, logging=False)[0].cached_steps == [2, 3]
    else:
        with pytest.raises(ValueError, match=r"2 blocks a group.*num_blocks_per_group=1"):
            run()
    disable_cache(model)
    assert torch.equal(model(**entry.inputs()).sample, expected)


def test_08_group_offload_with_prefetching_is_refused() -> None:
    """8. diffusers' prefetching needs a device with streams; what it leaves on a module does not."""
    model = GainTransformer()
    group = SimpleNamespace(stream=object(), modules=[model.blocks[1]])
    hooks = {"group_offloading": SimpleNamespace(group=group)}
    model.blocks[1]._diffusers_hook = SimpleNamespace(hooks=hooks)
    with pytest.raises(ValueError, match=r"prefetching \(use_stream=True\) is on at blocks\.1"):
        enable_cache(model.adapter(), CONFIG)
    assert type(model) is GainTransformer


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


def test_14_a_new_class_is_not_caught_by_an_old_prefix() -> None:
    """14. A class that nobody knows yet is caught by an old prefix and then fails deep inside. An
    adapter says which classes it accepts, and the blocks are found by their structure instead."""
    model = type("FluxOfTomorrowTransformer2DModel", (GainTransformer,), {})()
    pipe = type("FluxOfTomorrowPipeline", (), {"transformer": model})()
    assert not BlockAdapterRegister.is_supported(pipe)
    with pytest.raises(ValueError, match="FluxOfTomorrowTransformer2DModel is not one of"):
        BlockAdapterRegister.get_adapter(pipe)
    enable_cache(pipe, DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1))
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]


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
