"""The exchange of Ulysses: tokens of all heads against all tokens of some heads, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import torch

from ..comm import Channel
from .sequence import shares
from .wire import Wire, written

Heads = Sequence[range]
"""The heads of each rank."""


def turns(heads: int, key_heads: int, ranks: int, most: int = 1) -> list[Heads]:
    """Which query heads are attended to on which rank, in at most so many turns.

    Heads are shared out as evenly as can be, and those of a rank as evenly over the turns, so that
    some can travel while others are attended to; heads that share a key head stay together, or it
    would have to travel twice.
    """
    sizes, group = shares(heads, ranks), heads // key_heads
    starts = [sum(sizes[:rank]) for rank in range(ranks)]
    by_rank = [_divided(range(s, s + n), group, most) for s, n in zip(starts, sizes, strict=True)]
    return [list(turn) for turn in zip(*by_rank, strict=True) if any(turn)]


def _divided(own: range, group: int, parts: int) -> list[range]:
    """Some heads in so many parts, of which some may be empty, cut where a group of them ends."""
    places = [own.start + len(own) * part / parts for part in range(1, parts)]
    cuts = [min(max(round(each / group) * group, own.start), own.stop) for each in places]
    return [range(*ends) for ends in pairwise([own.start, *cuts, own.stop])]


@dataclass(frozen=True)
class HeadExchange:
    """The two exchanges of some heads.

    A rank gets the key heads that its query heads use: with grouped queries, neighbours may both
    get a head on their border.

    Attributes:
        channel: the ranks.
        heads: of the queries that each rank attends to.
        group: how many query heads share a key head.
        wire: how messages are written.
    """

    channel: Channel
    heads: Heads
    group: int
    wire: Wire

    @property
    def own(self) -> range:
        """The query heads of this rank."""
        return self.heads[self.channel.rank]

    @property
    def key_of_head(self) -> tuple[int, ...] | None:
        """For each query head of this rank its place among the key heads; None: one each."""
        first = self._key_heads(self.own).start
        return None if self.group == 1 else tuple(each // self.group - first for each in self.own)

    def to_heads(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        rows: Sequence[int],
        columns: Sequence[int],
    ) -> Callable[[], list[torch.Tensor]]:
        """Begin [B, H, S on this rank, D] of each -> [B, H of this rank, S of all ranks, D].

        The result is waited for.
        """
        key_heads = [self._key_heads(own) for own in self.heads]
        used = [(query, self.heads, rows), (key, key_heads, columns), (value, key_heads, columns)]
        rank = self.channel.rank
        arriving = self._send(
            [[_heads(each, heads[to]) for each, heads, _ in used] for to in self._ranks],
            [
                [
                    (each.shape[0], len(heads[rank]), sizes[origin], each.shape[3])
                    for each, heads, sizes in used
                ]
                for origin in self._ranks
            ],
        )

        return lambda: [torch.cat(each, 2) for each in zip(*arriving(), strict=True)]

    def to_tokens(
        self, out: torch.Tensor, rows: Sequence[int]
    ) -> Callable[[], list[list[torch.Tensor]]]:
        """Begin [B, H of this rank, S of all ranks, D] -> [B, H of a rank, S on this rank, D].

        The result is waited for: of each rank a list with one tensor.
        """
        batch, _, _, width = out.shape
        own = rows[self.channel.rank]
        return self._send(
            [[part] for part in out.split(list(rows), dim=2)],
            [[(batch, len(heads), own, width)] for heads in self.heads],
        )

    @property
    def _ranks(self) -> range:
        return range(self.channel.size)

    def _key_heads(self, own: range) -> range:
        return range(own.start // self.group, (own.stop - 1) // self.group + 1) if own else range(0)

    def _send(
        self,
        parts: Sequence[Sequence[torch.Tensor]],
        shapes: Sequence[Sequence[tuple[int, ...]]],
    ) -> Callable[[], list[list[torch.Tensor]]]:
        """Begin to send ``parts[r]`` to rank r, for tensors of ``shapes[r]`` from it.

        What stays on this rank is not written.
        """
        own = self.channel.rank
        kept = list(parts[own])
        if self.channel.size == 1:
            return lambda: [kept]
        others = [[] if rank == own else list(parts[rank]) for rank in self._ranks]
        leaving = [sum(self.wire.size(tuple(each.shape)) for each in to) for to in others]
        sizes = [list(map(self.wire.size, each)) for each in shapes]
        sizes[own] = []
        message = written(list(chain.from_iterable(others)), self.wire)
        arriving = self.channel.send_to_all(message, leaving, list(map(sum, sizes)))

        def finish() -> list[list[torch.Tensor]]:
            messages = map(torch.split, arriving.wait(), sizes)
            received = [
                [
                    self.wire.unpack(each, shape, kept[0].dtype)
                    for each, shape in zip(message, shapes[rank], strict=False)
                ]
                for rank, message in enumerate(messages)
            ]
            received[own] = kept
            return received

        return finish


def _heads(tensor: torch.Tensor, heads: range) -> torch.Tensor:
    return tensor[:, heads.start : heads.stop]
