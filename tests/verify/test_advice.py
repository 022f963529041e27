"""The advice of `check_cache` is one change that was tried, and with which everything is right."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import BlockAdapter, ForwardPattern
from cache_dit.verify import check_cache, zoo
from tests.new_model import brook_dit
from tests.verify.toys import Block, built, inputs

P = ForwardPattern
IMAGE, TEXT = "hidden_states", "encoder_hidden_states"


class TextFirst(nn.Module):
    """Takes the text first, under a name of its own, and returns it first or last."""

    def __init__(self, returns_text_first: bool) -> None:
        super().__init__()
        self.on_image, self.on_text = Block(), Block()
        self.returns_text_first = returns_text_first

    def forward(self, words: torch.Tensor, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        words = self.on_text(words, pixels)
        both = (words, self.on_image(pixels, words))
        return both if self.returns_text_first else both[::-1]


class TextFirstModel(nn.Module):
    """Two lists of such blocks, one after the other."""

    def __init__(self, returns_text_first: bool) -> None:
        super().__init__()
        self.early, self.late = (
            nn.ModuleList(TextFirst(returns_text_first) for _ in range(4)) for _ in range(2)
        )
        self.returns_text_first = returns_text_first

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, timestep: Any = None
    ) -> torch.Tensor:
        streams = encoder_hidden_states, hidden_states
        for block in [*self.early, *self.late]:
            out = block(*streams)
            streams = out if self.returns_text_first else out[::-1]
        return streams[1]


def checked(returns_text_first: bool, patterns: list[P], parameters: Any = None) -> str:
    """What is wrong with these patterns; the lists decide together."""
    adapter = BlockAdapter(
        transformer=built(TextFirstModel, returns_text_first=returns_text_first),
        blocks_name=["early", "late"],
        forward_pattern=patterns,
        stream_parameters=parameters,
        chained=True,
    )
    return check_cache(adapter, inputs).reason


RIGHT = {IMAGE: "pixels", TEXT: "words"}


@pytest.mark.parametrize("returns_text_first", [False, True])
@pytest.mark.parametrize("pattern", [P.Pattern_0, P.Pattern_1])
def test_exchanged_streams_have_one_remedy_and_it_holds(
    returns_text_first: bool, pattern: P
) -> None:
    reason = checked(returns_text_first, [pattern, pattern])
    assert "denoised stream: what enters 'early' as hidden_states changes by 0e+00" in reason
    found = re.search(r"With (\w+) and stream_parameters=(.*) for 'early', 'late' reuse", reason)
    assert found and reason.count("_parameters") == 1, reason
    right = P.Pattern_1 if returns_text_first else P.Pattern_0
    assert found.groups() == (right.name, str(RIGHT))
    assert checked(returns_text_first, [right, right], RIGHT) == ""


def test_one_list_of_two_may_have_its_streams_exchanged() -> None:
    exchanged = {IMAGE: "words", TEXT: "pixels"}
    reason = checked(True, [P.Pattern_1, P.Pattern_0], [RIGHT, exchanged])
    assert f"With Pattern_1 and stream_parameters={RIGHT} for 'late' reuse" in reason


def test_the_names_are_right_and_the_pattern_is_not() -> None:
    reason = checked(False, [P.Pattern_1, P.Pattern_1], RIGHT)
    assert "With Pattern_0 for 'early', 'late' reuse is exact" in reason
    assert "stream_parameters" not in reason


def brook(blocks_name: str, **streams: str) -> str:
    """What is wrong with an adapter of a model whose loop uses another list between its blocks."""
    entry = zoo.get(brook_dit.__file__)
    adapter = BlockAdapter(
        transformer=entry.build(torch.float64),
        blocks_name=blocks_name,
        forward_pattern=P.Pattern_0,
        stream_parameters=streams,
    )
    return check_cache(
        adapter, lambda step, seed: entry.step_inputs(step, torch.float64, seed)
    ).reason


RIGHT_BROOK = {IMAGE: "pic", TEXT: "cap"}


def test_a_list_that_is_not_that_of_the_loop_is_told_which_is() -> None:
    reason = brook("kicks", **RIGHT_BROOK)
    assert "The loop of BrookDiT goes over 'reaches' instead: use blocks_name='reaches'" in reason
    assert "use one of" not in reason and "With it reuse is exact" in reason
    assert brook("reaches", **RIGHT_BROOK) == ""


def test_streams_that_no_block_has_are_not_judged() -> None:
    reason = brook("reaches", **{**RIGHT_BROOK, IMAGE: "picture"})
    assert "has no parameter 'picture'" in reason and "No other pattern" not in reason
