"""What lies next to this rank's part of a sequence: the borders that a convolution looks across."""

from __future__ import annotations

import torch

from ..comm import Channel
from .sequence import Layout
from .wire import written


class Neighbours:
    """So many tokens on either side of every rank's part, as far as there are any."""

    def __init__(self, layout: Layout, reach: int, channel: Channel) -> None:
        self.channel = channel
        self.spans = [layout.spans(rank)[0] for rank in range(layout.ranks)]
        self.wanted = [
            (max(0, start - reach), min(layout.length, start + size + reach)) if size else (0, 0)
            for start, size in self.spans
        ]

    @property
    def before(self) -> int:
        """How many lie before this rank's part."""
        return self.spans[self.channel.rank][0] - self.wanted[self.channel.rank][0]

    @property
    def after(self) -> int:
        """How many lie behind it."""
        start, size = self.spans[self.channel.rank]
        return self.wanted[self.channel.rank][1] - start - size

    def borrow(self, tensor: torch.Tensor, dim: int) -> torch.Tensor:
        """This rank's part with its neighbours; collective."""
        if self.channel.size == 1:
            return tensor
        moved = tensor.movedim(dim, 0)
        own, ranks = self.channel.rank, range(self.channel.size)
        start = self.spans[own][0]
        lent = [self._of(own, rank) for rank in ranks]
        parts = [moved[low - start : high - start] for low, high in lent]
        sizes = [high - low for low, high in (self._of(rank, own) for rank in ranks)]
        each = moved[:1].numel() if len(moved) else 0
        leaving = [part.numel() for part in parts]
        counts = [size * each for size in sizes]
        messages = self.channel.send_to_all(written(parts), leaving, counts).wait()
        pieces = [
            moved if rank == own else message.view(size, *moved.shape[1:])
            for rank, (message, size) in enumerate(zip(messages, sizes, strict=True))
        ]
        return torch.cat(pieces).movedim(0, dim)

    def give_back(self, tensor: torch.Tensor, dim: int) -> torch.Tensor:
        """A tensor that `borrow` made longer, without the neighbours."""
        return tensor.narrow(dim, self.before, tensor.shape[dim] - self.before - self.after)

    def _of(self, owner: int, reader: int) -> tuple[int, int]:
        """From where to where ``owner`` has what ``reader`` wants."""
        start, size = self.spans[owner]
        if owner == reader:
            return start, start
        low = max(start, self.wanted[reader][0])
        return low, max(low, min(start + size, self.wanted[reader][1]))
