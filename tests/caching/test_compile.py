"""torch.compile, of blocks and of whole transformers, before and after the cache is enabled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.utils import counters

import cache_dit
from cache_dit import DBCacheConfig
from cache_dit.verify import zoo

STEPS = 8
CONFIG = DBCacheConfig(  # measures at every step, and computes and reuses in turns
    Fn_compute_blocks=1,
    Bn_compute_blocks=1,
    max_warmup_steps=2,
    num_inference_steps=STEPS,
    residual_diff_threshold=1.0,
    max_accumulated_residual_diff_threshold=10.0,
    max_continuous_cached_steps=1,
)
REUSED = [2, 4, 6]
FIRST = 4  # steps after which everything was seen: computed steps, and reused ones

WAN, FLUX = zoo.get("WanTransformer3DModel"), zoo.get("FluxTransformer2DModel")


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch._dynamo.reset()
    counters.clear()
    yield
    torch._dynamo.reset()


def run(model: nn.Module, entry: zoo.Entry, steps: int = STEPS) -> list[torch.Tensor]:
    with torch.no_grad():
        return [zoo.first_tensor(model(**entry.step_inputs(step))).clone() for step in range(steps)]


def enabled(model: nn.Module) -> nn.Module:
    cache_dit.enable_cache(model, cache_config=CONFIG)
    return model


def uncompiled_outputs(entry: zoo.Entry) -> list[torch.Tensor]:
    return run(enabled(entry.build()), entry)


def check(model: Any, entry: zoo.Entry, expected: list[torch.Tensor]) -> int:
    """Run it twice and compare; gives the number of graphs. No step but the first may compile."""
    run(model, entry, FIRST)
    graphs = counters["stats"]["unique_graphs"]
    assert graphs > 0, "nothing was compiled"
    cache_dit.refresh_context(model)
    outputs = run(model, entry)
    assert counters["stats"]["unique_graphs"] == graphs, "a later step compiled again"
    torch.testing.assert_close(outputs, expected, rtol=1e-5, atol=1e-5)
    (stats,) = cache_dit.summary(model, logging=False)
    assert stats.cached_steps == REUSED
    return int(graphs)


@pytest.mark.parametrize("enabled_first", [False, True], ids=["compile-enable", "enable-compile"])
@pytest.mark.parametrize(
    ("entry", "backend"), [(WAN, "aot_eager"), (FLUX, "eager")], ids=["Wan", "Flux"]
)
def test_regional_compilation(entry: zoo.Entry, backend: str, enabled_first: bool) -> None:
    expected = uncompiled_outputs(entry)
    model: Any = entry.build()
    if enabled_first:
        enabled(model)
    model.compile_repeated_blocks(fullgraph=True, backend=backend)
    if not enabled_first:
        enabled(model)
    check(model, entry, expected)
    assert not counters["graph_break"]


def test_regional_compilation_goes_on_when_the_cache_is_disabled() -> None:
    plain = run(WAN.build(), WAN)
    model: Any = WAN.build()
    model.compile_repeated_blocks(fullgraph=True, backend="eager")
    torch.testing.assert_close(run(model, WAN), plain)
    graphs = counters["stats"]["unique_graphs"]
    run(enabled(model), WAN)
    cache_dit.disable_cache(model)
    with_cache = counters["stats"]["unique_graphs"]
    torch.testing.assert_close(run(model, WAN), plain)
    assert counters["stats"]["unique_graphs"] == with_cache, "disabling compiled again"
    assert with_cache <= 2 * graphs
    assert not counters["graph_break"]


def compile_then_enable(model: nn.Module) -> Any:
    return cache_dit.enable_cache(torch.compile(model, backend="eager"), cache_config=CONFIG)


def enable_then_compile(model: nn.Module) -> Any:
    return torch.compile(enabled(model), backend="eager")


def compile_in_place_then_enable(model: nn.Module) -> Any:
    model.compile(backend="eager")
    return enabled(model)


def enable_then_compile_in_place(model: nn.Module) -> Any:
    enabled(model).compile(backend="eager")
    return model


@pytest.mark.parametrize(
    "compiled",
    [
        compile_then_enable,
        enable_then_compile,
        compile_in_place_then_enable,
        enable_then_compile_in_place,
    ],
)
def test_a_compiled_transformer(compiled: Callable[[nn.Module], Any]) -> None:
    expected = uncompiled_outputs(WAN)
    plain = run(WAN.build(), WAN)
    model = compiled(WAN.build())
    check(model, WAN, expected)
    cache_dit.disable_cache(model)
    torch.testing.assert_close(run(model, WAN, FIRST), plain[:FIRST], rtol=1e-5, atol=1e-5)
