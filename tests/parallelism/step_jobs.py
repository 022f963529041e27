"""What the tests of a plan's steps run on every rank at once."""

from __future__ import annotations

from typing import Any

import torch

from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.borders import Neighbours
from cache_dit.parallelism.head_shares import HeadShares
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.sequence import Layout
from tests.parallelism.attention_jobs import draw


def heads_and_back(
    config: dict[str, Any], lengths: tuple[int, ...], heads: int
) -> tuple[float, float, int]:
    """(error of the heads here, error of the tokens after the way back, numbers sent)."""
    context = Mesh.of(ParallelismConfig(**config)).context
    layout = Layout(lengths, context.size)
    whole = draw(0, 2, layout.length, 3 * heads)
    shares = HeadShares(heads, context)
    tokens = layout.part(whole, 1, context.rank)
    before = context.bytes_sent
    here = shares.to_heads(tokens, 1, 2, layout)
    again = shares.to_tokens(here, 1, 2, layout)
    sent = (context.bytes_sent - before) // whole.element_size()
    return _error(here, shares.part(whole, 2, shares.here)), _error(again, tokens), sent


def convolution_error(config: dict[str, Any], length: int, reach: int) -> float:
    """Error of a convolution along a dimension that is split."""
    context = Mesh.of(ParallelismConfig(**config)).context
    layout = Layout((length,), context.size)
    whole, weight = draw(0, 2, 3, length), draw(1, 3, 3, 2 * reach + 1)
    expected = torch.nn.functional.conv1d(whole, weight, padding=reach)
    neighbours = Neighbours(layout, reach, context)
    longer = neighbours.borrow(layout.part(whole, 2, context.rank), 2)
    output = torch.nn.functional.conv1d(longer, weight, padding=reach)
    output = neighbours.give_back(output, 2)
    return _error(output, layout.part(expected, 2, context.rank))


def _error(output: torch.Tensor, expected: torch.Tensor) -> float:
    assert output.shape == expected.shape, (output.shape, expected.shape)
    return float((output - expected).abs().max()) if output.numel() else 0.0
