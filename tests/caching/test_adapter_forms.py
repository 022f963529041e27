"""All the ways to write a `BlockAdapter`, and what is said about those that do not fit."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import (
    BlockAdapter,
    DBCacheConfig,
    ForwardPattern,
    ParamsModifier,
    disable_cache,
    enable_cache,
    summary,
)
from cache_dit.caching.block_adapters import FakeDiffusionPipeline
from tests.caching.toys import GainTransformer, ThreeLists

P3 = ForwardPattern.Pattern_3
CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)


@pytest.fixture
def model() -> ThreeLists:
    return ThreeLists()


def modifier(**fields: Any) -> ParamsModifier:
    return ParamsModifier(cache_config=DBCacheConfig().reset(**fields))


def names(target: Any) -> list[str]:
    return [stats.name for stats in summary(target, logging=False)]


@pytest.mark.parametrize(
    ("fields", "ran", "found"),
    [
        ({"blocks_name": "a"}, [0, 3, 4, 5, 6, 7], ["a"]),
        ({"blocks_name": ["a"]}, [0, 3, 4, 5, 6, 7], ["a"]),
        ({"blocks_name": ["a", "b"]}, [0, 3, 5, 6, 7], ["a", "b"]),
        ({"blocks_name": [["a", "b"]]}, [0, 3, 5, 6, 7], ["a", "b"]),
        ({"blocks_name": "c.d"}, [0, 1, 2, 3, 4, 5], ["c.d"]),
        ({"blocks_name": ["b", "c.d"], "forward_pattern": [P3, P3]}, [0, 1, 2, 3, 5], ["b", "c.d"]),
        ({"blocks_name": ["a", "b"], "forward_pattern": [[P3, P3]]}, [0, 3, 5, 6, 7], ["a", "b"]),
        ({"blocks_name": ["a", "b"], "forward_pattern": [P3]}, [0, 3, 5, 6, 7], ["a", "b"]),
        ({"blocks_name": ["a", "b"], "chained": True}, [0, 5, 6, 7], ["a+b"]),
    ],
)
def test_lists_by_name(
    model: ThreeLists, fields: dict[str, Any], ran: list[int], found: list[str]
) -> None:
    enable_cache(BlockAdapter(transformer=model, **{"forward_pattern": P3} | fields), CONFIG)
    assert model.second_step() == ran
    assert names(model) == found


def test_lists_as_objects(model: ThreeLists) -> None:
    for blocks, ran in (
        (model.a, [0, 3, 4, 5, 6, 7]),
        ([model.a, model.c["d"]], [0, 3, 4, 5]),
        ((model.a, model.c["d"]), [0, 3, 4, 5]),
        ([[model.a, model.c["d"]]], [0, 3, 4, 5]),
    ):
        enable_cache(BlockAdapter(transformer=model, blocks=blocks, forward_pattern=P3), CONFIG)
        assert model.second_step() == ran
        assert names(model) == (["a"] if len(ran) > 4 else ["a", "c.d"])


@pytest.mark.parametrize("nested", [True, False])
def test_several_transformers_with_unequal_numbers_of_lists(nested: bool) -> None:
    first, second = ThreeLists(), ThreeLists()
    adapter = BlockAdapter(
        transformer=[first, second],
        blocks=[[first.a, first.b], [second.c["d"]] if nested else second.c["d"]],
        forward_pattern=[[P3, P3], P3],
        params_modifiers=[[modifier(), modifier(max_warmup_steps=2)], modifier(max_cached_steps=0)],
    )
    enable_cache(adapter, CONFIG)
    assert first.second_step() == [0, 3, 4, 5, 6, 7]
    assert second.second_step() == list(range(8))
    assert names(adapter) == ["a", "b", "c.d"]
    assert (names(first), names(second)) == (["a", "b"], ["c.d"])
    disable_cache(adapter)
    assert names(adapter) == []
    assert type(first) is type(second) is ThreeLists


def test_a_transformer_in_a_list_of_one_is_one_transformer(model: ThreeLists) -> None:
    for blocks in ([model.a], [[model.a]]):
        adapter = BlockAdapter(transformer=[model], blocks=blocks, forward_pattern=[P3])
        enable_cache(adapter, CONFIG)
        assert model.second_step() == [0, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "given",
    [
        modifier(max_cached_steps=0),
        [modifier(max_cached_steps=0)],
        [modifier(max_cached_steps=0), modifier(max_cached_steps=0)],
        [[modifier(max_cached_steps=0), modifier(max_cached_steps=0)]],
    ],
    ids=["one", "list of one", "one each", "nested"],
)
@pytest.mark.parametrize("on_the_adapter", [True, False])
def test_modifiers_for_several_lists(model: ThreeLists, given: Any, on_the_adapter: bool) -> None:
    where = {"params_modifiers": given}
    adapter = BlockAdapter(
        transformer=model,
        blocks=[model.a, model.b],
        forward_pattern=P3,
        **where if on_the_adapter else {},
    )
    enable_cache(adapter, CONFIG, **{} if on_the_adapter else where)
    assert model.second_step() == list(range(8))


@pytest.mark.parametrize("given", [modifier(max_cached_steps=0), [modifier(max_cached_steps=0)]])
@pytest.mark.parametrize("on_the_adapter", [True, False])
def test_one_modifier_serves_several_transformers(given: Any, on_the_adapter: bool) -> None:
    first, second = ThreeLists(), ThreeLists()
    where = {"params_modifiers": given}
    adapter = BlockAdapter(
        transformer=[first, second],
        blocks=[[first.a, first.b], second.a],
        forward_pattern=P3,
        **where if on_the_adapter else {},
    )
    enable_cache(adapter, CONFIG, **{} if on_the_adapter else where)
    assert first.second_step() == second.second_step() == list(range(8))


def holders(model: nn.Module) -> list[Any]:
    class Plain:
        def __init__(self) -> None:
            self.transformer = model

    class Callable_(Plain):
        def __call__(self) -> None:
            pass

    class Unhashable(Callable_):
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

    return [
        None,
        FakeDiffusionPipeline(model),
        SimpleNamespace(transformer=model),
        Plain(),
        Callable_(),
        Unhashable(),
    ]


@pytest.mark.parametrize("index", range(6))
@pytest.mark.parametrize("named", [True, False])
def test_a_pipeline_is_anything_with_a_transformer(index: int, named: bool) -> None:
    model = GainTransformer()
    pipe = holders(model)[index]
    if pipe is None and not named:
        return
    adapter = BlockAdapter(
        pipe=pipe,
        transformer=model if named else None,
        blocks=model.blocks,
        forward_pattern=P3,
    )
    assert enable_cache(adapter, CONFIG) is adapter
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]
    for target in (adapter, model) if pipe is None else (adapter, model, pipe):
        assert names(target) == ["blocks"]
    disable_cache(adapter if pipe is None else pipe)
    assert type(model) is GainTransformer
    assert names(model) == []


def test_a_fake_pipeline_need_not_hold_anything(model: ThreeLists) -> None:
    pipe = FakeDiffusionPipeline()
    enable_cache(
        BlockAdapter(pipe=pipe, transformer=model, blocks=model.a, forward_pattern=P3), CONFIG
    )
    assert names(pipe) == ["a"]


def test_an_empty_list_is_legal_and_says_so() -> None:
    model = GainTransformer([])
    enable_cache(model.adapter())
    assert model.at(1.0) == (1.0, [])
    (stats,) = summary(model, logging=False)
    assert stats.notes == ["No block may be skipped, so every step is computed."]
    disable_cache(model)


def test_streams_may_have_other_names_and_places() -> None:
    class Block(nn.Module):
        def forward(
            self, temb: torch.Tensor, context: torch.Tensor, x: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            return context + temb, x * 2

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.blocks = nn.ModuleList(Block() for _ in range(4))

        def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
            for i, block in enumerate(self.blocks):
                if i % 2:
                    context, x = block(torch.ones(1), context, x)
                else:
                    context, x = block(torch.ones(1), x=x, context=context)
            return torch.cat([x, context])

    model, inputs = Model(), (torch.randn(2), torch.randn(2))
    expected = model(*inputs)
    adapter = BlockAdapter(
        transformer=model,
        blocks=model.blocks,
        forward_pattern=ForwardPattern.Pattern_1,
        stream_parameters={"hidden_states": "x", "encoder_hidden_states": "context"},
    )
    enable_cache(adapter, CONFIG)
    for _ in range(3):
        assert torch.allclose(model(*inputs), expected)
    assert summary(model, logging=False)[0].cached_steps == [1, 2]
