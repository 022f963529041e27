"""Heads instead of tokens, at the boundaries of modules: what lies between has the whole sequence.

It is the exchange of Ulysses for attention that has a form of its own: linear attention with its
state, masks compiled for the whole sequence, walks over segments, caches of keys and values. All of
it is the model's own code, on all tokens of some heads.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..comm import Channel
from .sequence import Layout, shares
from .wire import written


@dataclass(frozen=True)
class HeadShares:
    """Which of ``count`` heads are on which rank.

    Where there are more ranks than heads, the ranks to spare do the first head once more, so that
    they have something to do it on, and what they find is not used.
    """

    count: int
    channel: Channel

    def of(self, rank: int) -> range:
        """The heads on a rank; at least one."""
        return self.used(rank) or range(1)

    def used(self, rank: int) -> range:
        """The heads that are taken from a rank."""
        sizes = shares(self.count, self.channel.size)
        start = sum(sizes[:rank])
        return range(start, start + sizes[rank])

    @property
    def here(self) -> range:
        """The heads on this rank."""
        return self.of(self.channel.rank)

    def part(self, tensor: torch.Tensor, dim: int, heads: range) -> torch.Tensor:
        """Some heads, of a tensor that has all of them along ``dim``.

        Raises:
            ValueError: they do not divide what it has there.
        """
        each, rest = divmod(tensor.shape[dim], self.count)
        if rest:
            raise ValueError(
                f"context parallelism: {tensor.shape[dim]} entries along dimension {dim} are to be "
                f"shared out as {self.count} heads. Correct the context-parallel plan."
            )
        return tensor.narrow(dim, heads.start * each, len(heads) * each)

    def to_heads(self, tensor: torch.Tensor, dim: int, width: int, layout: Layout) -> torch.Tensor:
        """The heads here of the whole sequence, from all heads of the tokens here; collective."""
        ranks = range(self.channel.size)
        parts = [self.part(tensor, width, self.of(rank)) for rank in ranks]
        own = parts[self.channel.rank]
        shapes = [_with(own, dim, size) for size in layout.sizes]
        received = self._exchange(parts, shapes)
        return layout.joined(received, dim)

    def to_tokens(self, tensor: torch.Tensor, dim: int, width: int, layout: Layout) -> torch.Tensor:
        """All heads of the tokens here, from the heads here of the whole sequence; collective."""
        ranks, rank = range(self.channel.size), self.channel.rank
        each = tensor.shape[width] // len(self.here)
        used = tensor.narrow(width, 0, each * len(self.used(rank)))
        parts = [layout.part(used, dim, other) for other in ranks]
        own = parts[rank]
        shapes = [_with(own, width, each * len(self.used(other))) for other in ranks]
        return torch.cat(self._exchange(parts, shapes), width)

    def _exchange(self, parts: list[torch.Tensor], shapes: list[torch.Size]) -> list[torch.Tensor]:
        if self.channel.size == 1:
            return parts
        sizes, counts = ([each.numel() for each in ends] for ends in (parts, shapes))
        messages = self.channel.send_to_all(written(parts), sizes, counts).wait()
        return [message.view(shape) for message, shape in zip(messages, shapes, strict=True)]


def _with(tensor: torch.Tensor, dim: int, size: int) -> torch.Size:
    shape = list(tensor.shape)
    shape[dim] = size
    return torch.Size(shape)
