"""Streams of tokens, told apart by their lengths; and their order where they stand in one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import torch
from torch import nn

from cache_dit.new_model.watch import Attended, Call, watch_block


@dataclass
class Streams:
    """What the sequence of a model is made of.

    Attributes:
        dims: stream -> dimension of its tokens.
        lengths: stream -> tokens.
        joint: streams in the order in which they attend together.
    """

    dims: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    joint: tuple[str, ...] = ()

    def add(self, name: str, dim: int, value: torch.Tensor) -> None:
        """Another stream."""
        self.dims[name] = dim
        self.lengths[name] = value.shape[dim]

    def of(self, length: int) -> tuple[str, ...]:
        """The streams that so many tokens are of; empty if none fit."""
        for name, own in self.lengths.items():
            if own == length:
                return (name,)
        if self.joint and sum(self.lengths[name] for name in self.joint) == length:
            return self.joint
        for count in range(2, len(self.lengths) + 1):
            for names in permutations(self.lengths, count):
                if sum(self.lengths[name] for name in names) == length:
                    return names
        return ()


def token_dim(value: torch.Tensor, attended: list[Attended]) -> int:
    """Along which dimension of a stream its tokens lie: the second, or else one that attends."""
    lengths = {size for each in attended for size in (each.query.shape[2], each.key.shape[2])}
    for dim in (1, 0, *range(2, value.ndim - 1)):
        fits = any(value.shape[dim] <= length for length in lengths)
        if fits and (dim != 0 or value.ndim == 2 or _batch_second(value, attended)):
            return dim
    return 1


def _batch_second(value: torch.Tensor, attended: list[Attended]) -> bool:
    """Whether tokens come first, and samples second."""
    first = attended[0]
    return value.shape[1] == first.query.shape[0] != value.shape[0] and (
        value.shape[0] == first.query.shape[2]
    )


def order_in(
    model: nn.Module, block: Call, names: Mapping[str, str], which: str
) -> tuple[str, ...]:
    """The streams in the order in which a block's first attention has their tokens.

    Found by changing one stream after the other and looking which tokens change.

    Args:
        model: the model.
        block: a call of a block.
        names: stream -> parameter of the block.
        which: ``"query"`` or ``"key"``.
    """
    plain = watch_block(model, block.name, block.arguments).attended
    if not plain:
        return ()
    starts: dict[str, float] = {}
    for stream, parameter in names.items():
        value = block.arguments[parameter]
        changed: dict[str, Any] = {**block.arguments, parameter: value + torch.randn_like(value)}
        other = watch_block(model, block.name, changed).attended
        places = _changed(getattr(plain[0], which), getattr(other[0], which))
        if places.numel():
            starts[stream] = float(places.double().mean())
    return tuple(sorted(starts, key=lambda stream: starts[stream]))


def _changed(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    if one.shape != other.shape:
        return torch.empty(0)
    return (one != other).flatten(3).any(3).any(1).any(0).nonzero()
