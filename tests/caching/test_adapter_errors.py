"""What is said about a `BlockAdapter` that does not fit; the model is as it was afterwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import (
    BlockAdapter,
    DBCacheConfig,
    ForwardPattern,
    ParamsModifier,
    PatchFunctor,
    disable_cache,
    enable_cache,
    summary,
)
from tests.caching.toys import GainTransformer, StreamTransformer, ThreeLists

P3 = ForwardPattern.Pattern_3
CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)


def modifier(**fields: Any) -> ParamsModifier:
    return ParamsModifier(cache_config=DBCacheConfig().reset(**fields))


def two_streams() -> StreamTransformer:
    return StreamTransformer(ForwardPattern.Pattern_1).double()


Case = tuple[nn.Module, BlockAdapter, str]


def of(model: nn.Module, complaint: str, **fields: Any) -> Case:
    return model, BlockAdapter(transformer=model, **{"forward_pattern": P3} | fields), complaint


def misnamed() -> dict[str, Case]:
    gains, three = GainTransformer(), ThreeLists()
    return {
        "listed twice": of(three, "a block is listed twice", blocks=[three.a, three.a]),
        "unknown stream": of(
            gains,
            "stream_parameters names x; the streams are hidden_states",
            blocks=gains.blocks,
            stream_parameters={"x": "hidden_states"},
        ),
        "unknown link": of(
            three,
            r"chained=\('a', 'd'\): there is no block list 'd'.* The block lists are a, b",
            blocks_name=["a", "b"],
            chained=("a", "d"),
        ),
        "transformer twice": (
            gains,
            BlockAdapter(transformer=[gains, gains], blocks=[gains.blocks] * 2, forward_pattern=P3),
            "a transformer is listed twice",
        ),
        "no module": (gains, BlockAdapter(transformer=3), "transformer=3; expected a torch.nn.Mod"),
    }


def bad_adapters() -> dict[str, Case]:
    gains, streams, three = GainTransformer(), two_streams(), ThreeLists()
    return {
        "no transformer": (gains, BlockAdapter(blocks=gains.blocks), "no transformer"),
        "no blocks": of(gains, "GainTransformer: no blocks"),
        "unknown name": of(three, "no block list 'e'.*a, b, c.d", blocks_name="e"),
        "not a list": of(gains, "expected a torch.nn.ModuleList.*got Gain", blocks=gains.blocks[0]),
        "number": of(gains, "expected a torch.nn.ModuleList.*got int", blocks=3),
        "foreign": of(gains, "no part of this GainTransformer", blocks=three.a),
        "no pattern": of(
            gains, "forward_pattern=None; expected", blocks=gains.blocks, forward_pattern=None
        ),
        "not a pattern": of(
            gains, "forward_pattern=3; expected", blocks=gains.blocks, forward_pattern=3
        ),
        "pattern in": of(
            gains,
            r"forward\(hidden_states\) has no parameter 'encoder_hidden_states'",
            blocks=gains.blocks,
            forward_pattern=ForwardPattern.Pattern_1,
        ),
        "stream parameter": of(
            streams,
            "no parameter 'x' for the stream hidden_states",
            blocks=streams.blocks,
            forward_pattern=ForwardPattern.Pattern_1,
            stream_parameters={"hidden_states": "x"},
        ),
        "two patterns": of(
            gains, "2 entries for 1 block lists", blocks=gains.blocks, forward_pattern=[P3, P3]
        ),
        "two names": of(
            three, "1 blocks_name for 2 blocks", blocks=[three.a, three.b], blocks_name="a"
        ),
        "three modifiers": of(
            three,
            "3 entries for 2 block lists",
            blocks=[three.a, three.b],
            params_modifiers=[modifier()] * 3,
        ),
        "one list for two": (
            gains,
            BlockAdapter(transformer=[gains, three], blocks=[gains.blocks], forward_pattern=P3),
            "blocks has 1 entries for 2 transformers",
        ),
        **misnamed(),
        "too many blocks": of(
            gains,
            r"Fn_compute_blocks=3 \+ Bn_compute_blocks=2 is more than the 4 blocks",
            blocks=gains.blocks,
            params_modifiers=modifier(Fn_compute_blocks=3, Bn_compute_blocks=2),
        ),
    }


class OtherBlocks(PatchFunctor):
    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        transformer.blocks = GainTransformer().blocks
        return transformer


def test_a_patch_that_replaces_the_blocks_is_an_error() -> None:
    model = GainTransformer()
    before = state_of(model)
    with pytest.raises(ValueError, match=r"GainTransformer\.blocks: the patch_functor put oth"):
        enable_cache(model.adapter(patch_functor=OtherBlocks()), CONFIG)
    assert state_of(model) == before


BAD_FIELDS = [
    ("blocks_policy", "most", "'max' or 'min'"),
    ("allow_prefixes", "blocks", "a list of names"),
    ("branch_on", "guidance", "a list of names"),
    ("auto", "yes", "True or False"),
    ("has_separate_cfg", 2, "True or False"),
    ("chained", "blocks", "a bool, or a tuple"),
    ("long_skip", 3, "the name of a parameter"),
    ("compute_when", True, "a function"),
    ("patch_functor", object, "a PatchFunctor"),
]


@pytest.mark.parametrize(("name", "value", "expected"), BAD_FIELDS)
def test_a_field_of_no_use_is_an_error_naming_field_and_value(
    name: str, value: Any, expected: str
) -> None:
    model = GainTransformer()
    with pytest.raises(ValueError) as caught:
        enable_cache(model.adapter(**{name: value}), CONFIG)
    assert f"BlockAdapter: {name}={value!r}; expected {expected}" in str(caught.value)


class Unnamed(nn.Module):
    """A block whose parameter has a name of its own, and whose annotation promises two tensors."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


class Unannotated(nn.Module):
    def forward(self, hidden_states):  # type: ignore[no-untyped-def]
        return hidden_states


def model_of(block: type[nn.Module]) -> nn.Module:
    model = nn.Module()
    model.blocks = nn.ModuleList([block(), block()])
    return model


@pytest.mark.parametrize(
    ("checks", "complaint"),
    [
        ({"check_forward_pattern": True}, r"blocks: forward\(x\) has no parameter hidden_states"),
        ({"check_num_outputs": True}, "blocks: forward of Unnamed says that it returns 2 tensors"),
    ],
)
def test_a_pattern_can_be_compared_with_the_signature(
    checks: dict[str, bool], complaint: str
) -> None:
    model = model_of(Unnamed)
    adapter = BlockAdapter(transformer=model, blocks_name="blocks", forward_pattern=P3, **checks)
    with pytest.raises(ValueError, match=complaint):
        adapter.transformers()
    for name in checks:
        setattr(adapter, name, False)
    assert len(adapter.transformers()) == 1


def test_what_a_signature_does_not_say_is_no_error() -> None:
    checks: dict[str, Any] = {"check_forward_pattern": True, "check_num_outputs": True}
    model = model_of(Unannotated)
    BlockAdapter(
        transformer=model, blocks_name="blocks", forward_pattern=P3, **checks
    ).transformers()
    named = {"hidden_states": "x"}
    BlockAdapter(
        transformer=model_of(Unnamed),
        blocks_name="blocks",
        forward_pattern=ForwardPattern.Pattern_4,
        stream_parameters=named,
        **checks,
    ).transformers()


def state_of(model: nn.Module) -> list[tuple[type, dict[str, Any]]]:
    return [(type(module), dict(vars(module))) for module in model.modules()]


@pytest.mark.parametrize("case", bad_adapters())
def test_what_does_not_fit_is_an_error_and_leaves_the_model_alone(case: str) -> None:
    model, adapter, complaint = bad_adapters()[case]
    before = state_of(model)
    with pytest.raises(ValueError, match=complaint):
        enable_cache(adapter, CONFIG)
    assert state_of(model) == before
    assert summary(model, logging=False) == summary(adapter, logging=False) == []


@pytest.mark.parametrize(
    ("wrong", "fitting"),
    [(ForwardPattern.Pattern_4, "Pattern_2, Pattern_3"), (ForwardPattern.Pattern_5, "Pattern_2")],
)
def test_a_pattern_with_other_outputs_is_found_at_the_first_call(
    wrong: ForwardPattern, fitting: str
) -> None:
    model = GainTransformer()
    adapter = BlockAdapter(transformer=model, blocks=model.blocks, forward_pattern=wrong)
    enable_cache(adapter, CONFIG)
    with pytest.raises(ValueError, match=f"blocks: the block returned one tensor.*{fitting}"):
        model.at(1.0)
    disable_cache(model)
    assert model.at(1.0)[1] == [0, 1, 2, 3]


def test_stream_parameters_are_a_dict() -> None:
    model = two_streams()
    adapter = BlockAdapter(
        transformer=model,
        blocks=model.blocks,
        forward_pattern=ForwardPattern.Pattern_1,
        stream_parameters=["x"],
    )
    with pytest.raises(ValueError, match=r"stream_parameters='x'; expected a dict for each block"):
        enable_cache(adapter)
