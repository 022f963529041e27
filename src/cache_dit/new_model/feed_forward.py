"""Feed-forward networks among the layers of a block: those that widen, and the one that narrows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

import torch
from torch import nn

from cache_dit.new_model.watch import Call

Roles = tuple[list[str], Any]
"""Names of layers, and their style."""


def feed_forwards(model: nn.Module, linears: list[Call]) -> Iterator[Roles]:
    """Layers that widen the tokens (one, two for a gate, or one for both), and narrow them again.

    Args:
        model: the model.
        linears: calls of linear layers of a block, in order, without those of attentions.
    """
    open_: list[Call] = []
    for call in linears:
        widening = _widening(model, call, open_)
        if not widening:
            open_.append(call)
            continue
        layer = _linear(model, call)
        packed = _linear(model, widening[0]).out_features == 2 * layer.in_features
        yield [each.name for each in widening], "packed_colwise" if packed else "colwise"
        yield [call.name], "rowwise"
        open_ = [each for each in open_ if each not in widening]


def _widening(model: nn.Module, narrow: Call, before: list[Call]) -> list[Call]:
    """The layers whose output, perhaps gated, ``narrow`` takes; none if it is no such layer."""
    layer = _linear(model, narrow)
    fitting = [
        call
        for call in before
        if _linear(model, call).in_features == layer.out_features
        and _linear(model, call).out_features in (layer.in_features, 2 * layer.in_features)
        and _tokens(call) == _tokens(narrow) > 0
    ]
    if not fitting:
        return []
    nearness = {call.name: _common(call.name, narrow.name) for call in fitting}
    nearest = [call for call in fitting if nearness[call.name] == max(nearness.values())]
    widths = [_linear(model, call).out_features for call in nearest]
    gated = len(nearest) > 1 and widths[-2:] == [layer.in_features] * 2
    return nearest[-2:] if gated else nearest[-1:]


def _common(one: str, other: str) -> int:
    """How many parts of two dotted names are the same, from the left."""
    parts = zip(one.split("."), other.split("."), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], parts))


def _tokens(call: Call) -> int:
    """How many tokens a layer is given; 0 for what is one for each sample."""
    value = next(iter(call.arguments.values()))
    return value.shape[:-1].numel() if isinstance(value, torch.Tensor) and value.ndim > 2 else 0


def _linear(model: nn.Module, call: Call) -> nn.Linear:
    layer = model.get_submodule(call.name)
    assert isinstance(layer, nn.Linear)
    return layer
