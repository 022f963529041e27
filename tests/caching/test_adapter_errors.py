"""What is said about a `BlockAdapter` that does not fit; the model is as it was afterwards."""

from __future__ import annotations

from typing import Any

import pytest
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
from tests.caching.toys import GainTransformer, StreamTransformer, ThreeLists

P3 = ForwardPattern.Pattern_3
CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)


def modifier(**fields: Any) -> ParamsModifier:
    return ParamsModifier(cache_config=DBCacheConfig().reset(**fields))


def two_streams() -> StreamTransformer:
    return StreamTransformer(ForwardPattern.Pattern_1).double()


def bad_adapters() -> dict[str, tuple[nn.Module, BlockAdapter, str]]:
    gains, streams, three = GainTransformer(), two_streams(), ThreeLists()

    def of(model: nn.Module, complaint: str, **fields: Any) -> tuple[nn.Module, BlockAdapter, str]:
        return model, BlockAdapter(transformer=model, **{"forward_pattern": P3} | fields), complaint

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
        "too many blocks": of(
            gains,
            r"Fn_compute_blocks=3 \+ Bn_compute_blocks=2 is more than the 4 blocks",
            blocks=gains.blocks,
            params_modifiers=modifier(Fn_compute_blocks=3, Bn_compute_blocks=2),
        ),
    }


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
