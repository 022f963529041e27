"""Under torch.compile the model is compiled, and the cache's own work is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from cache_dit import DBCacheConfig, TaylorSeerCalibratorConfig, enable_cache
from tests.caching.toys import WIDTH, GainTransformer


@pytest.fixture(autouse=True)
def nothing_compiled_before() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("compiled_first", [True, False])
def test_no_graph_holds_an_operator_of_the_cache(compiled_first: bool) -> None:
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[Any]) -> Any:
        graphs.append(graph)
        return graph.forward

    model = GainTransformer()
    config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)
    if not compiled_first:
        enable_cache(model.adapter(), config, TaylorSeerCalibratorConfig())
    compiled = torch.compile(model, backend=backend)
    if compiled_first:
        enable_cache(model.adapter(), config, TaylorSeerCalibratorConfig())
    with torch.no_grad():
        for step in range(5):
            compiled(torch.full((1, 3, WIDTH), 1.0 + step / 20, dtype=torch.float64))
    sources = "".join(str(node.stack_trace) for graph in graphs for node in graph.graph.nodes)
    assert "toys.py" in sources
    assert "cache_dit/caching/" not in sources
