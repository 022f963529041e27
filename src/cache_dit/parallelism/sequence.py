"""Which tokens of a sequence are on which rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from ..comm import Channel


def shares(length: int, ranks: int) -> tuple[int, ...]:
    """How many of ``length`` tokens each rank has: as equal as can be, the first ones more."""
    least, more = divmod(length, ranks)
    return tuple(least + (rank < more) for rank in range(ranks))


@dataclass(frozen=True)
class Counted:
    """A sequence of which only the number of tokens on each rank is known.

    Their order is that of the ranks, as far as anybody asks.
    """

    sizes: tuple[int, ...]

    @property
    def ranks(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def lengths(self) -> tuple[int, ...]:
        """Of the one stream, in tokens."""
        return (self.length,)

    @property
    def length(self) -> int:
        """Tokens of the whole sequence."""
        return sum(self.sizes)


@dataclass(frozen=True)
class Layout:
    """A sequence made of streams, one after the other, each of them split over all ranks.

    Attributes:
        lengths: of the streams, in tokens.
        ranks: how many there are.
        runs: of each stream, how many tokens stay together; empty: none do.
    """

    lengths: tuple[int, ...]
    ranks: int
    runs: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """Tokens of the whole sequence."""
        return sum(self.lengths)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Tokens on each rank."""
        return tuple(map(sum, zip(*self._shares, strict=True)))

    @cached_property
    def _shares(self) -> list[list[int]]:
        """Tokens of each stream on each rank."""
        runs = self.runs or (1,) * len(self.lengths)
        return [
            [run * share for share in shares(length // run, self.ranks)]
            for length, run in zip(self.lengths, runs, strict=True)
        ]

    @property
    def ordered(self) -> bool:
        """Whether the tokens of all ranks, one rank after the other, are the sequence itself."""
        return len(self.lengths) == 1

    def spans(self, rank: int) -> list[tuple[int, int]]:
        """(start, length) in the sequence of the parts on a rank, in order."""
        offsets = accumulate(self.lengths, initial=0)
        return [
            (offset + sum(each[:rank]), each[rank])
            for offset, each in zip(offsets, self._shares, strict=False)
        ]

    def positions(self, ranks: range, device: torch.device) -> torch.Tensor:
        """Places in the sequence of the tokens on some ranks, one rank after the other."""
        spans = [span for rank in ranks for span in self.spans(rank)]
        parts = [torch.arange(start, start + size, device=device) for start, size in spans]
        return torch.cat(parts)

    def part(self, tensor: torch.Tensor, dim: int, rank: int, lacking: int = 0) -> torch.Tensor:
        """The tokens of a rank, of a tensor that has the sequence along ``dim``.

        It may be ``lacking`` so many at the start.
        """
        ends = [(start - lacking, start + size - lacking) for start, size in self.spans(rank)]
        spans = [(max(start, 0), max(end, 0)) for start, end in ends]
        parts = [tensor.narrow(dim, start, end - start) for start, end in spans]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim)

    def joined(self, parts: Sequence[torch.Tensor], dim: int) -> torch.Tensor:
        """The whole sequence along ``dim``, from the parts of all ranks."""
        if self.ordered:
            return torch.cat(list(parts), dim)
        by_rank = [
            part.split([shares[rank] for shares in self._shares], dim)
            for rank, part in enumerate(parts)
        ]
        return torch.cat([part for stream in zip(*by_rank, strict=True) for part in stream], dim)

    def whole(self, tensor: torch.Tensor, dim: int, channel: Channel) -> torch.Tensor:
        """The whole sequence along ``dim``, from the parts of all ranks; collective."""
        return self.joined(channel.all_gather(tensor, self.sizes, dim), dim)
