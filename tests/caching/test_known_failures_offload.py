"""What users of such libraries ran into, case 8: weights that are elsewhere until they are used.

CPU offload or group offload applied before or after enabling: recursion, failing signature checks,
weights fetched for blocks that are then skipped, or not fetched for blocks that run.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import accelerate
import pytest
import torch
from accelerate.hooks import AlignDevicesHook, remove_hook_from_module
from torch import nn

from cache_dit import DBCacheConfig, disable_cache, enable_cache, summary
from cache_dit.verify import zoo
from tests.caching.toys import GainTransformer

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
    """8. Weights come when a module is called: never those of a skipped block."""
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
    """8. diffusers' prefetching needs a device with streams; the traces it leaves do not."""
    model = GainTransformer()
    group = SimpleNamespace(stream=object(), modules=[model.blocks[1]])
    hooks = {"group_offloading": SimpleNamespace(group=group)}
    model.blocks[1]._diffusers_hook = SimpleNamespace(hooks=hooks)
    with pytest.raises(ValueError, match=r"prefetching \(use_stream=True\) is on at blocks\.1"):
        enable_cache(model.adapter(), CONFIG)
    assert type(model) is GainTransformer
