"""The exchange of Ulysses: tokens of all heads against all tokens of some heads, and back."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..comm import Channel
from .sequence import shares


class HeadExchange:
    """Which heads are attended to on which rank, and the two exchanges.

    Query heads are shared out as evenly as can be. A rank gets the key heads that its query heads
    use: with grouped queries, neighbours may both get a head on their border.
    """

    def __init__(self, channel: Channel, heads: int, key_heads: int) -> None:
        self.channel = channel
        sizes = shares(heads, channel.size)
        starts = [sum(sizes[:rank]) for rank in range(channel.size)]
        group = heads // key_heads
        self.heads = [range(start, start + size) for start, size in zip(starts, sizes, strict=True)]
        self.key_heads = [
            range(own.start // group, (own.stop - 1) // group + 1) if own else range(0)
            for own in self.heads
        ]
        self.own = self.heads[channel.rank]
        grouped = [head // group - self.key_heads[channel.rank].start for head in self.own]
        self.key_of_head = None if group == 1 else grouped

    def to_heads(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        rows: Sequence[int],
        columns: Sequence[int],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """[B, H, S on this rank, D] of each -> [B, H of this rank, S of all ranks, D].

        Keys and values have one head for each query head afterwards.
        """
        if self.channel.size > 1:
            triple = [(query, self.heads, rows)]
            triple += [(each, self.key_heads, columns) for each in (key, value)]
            query, key, value = self._exchange(triple)
        if self.key_of_head is not None:
            index = torch.tensor(self.key_of_head, device=key.device, dtype=torch.long)
            key, value = key.index_select(1, index), value.index_select(1, index)
        return query, key, value

    def _exchange(
        self, triple: list[tuple[torch.Tensor, list[range], Sequence[int]]]
    ) -> list[torch.Tensor]:
        """One message to each rank, with its heads of all three tensors."""
        ranks = range(self.channel.size)
        parts = [
            torch.cat([_heads(each, heads[rank]).flatten() for each, heads, _ in triple])
            for rank in ranks
        ]
        own = self.channel.rank
        counts = [
            [
                each.shape[0] * len(heads[own]) * sizes[rank] * each.shape[3]
                for each, heads, sizes in triple
            ]
            for rank in ranks
        ]
        messages = self.channel.all_to_all(parts, [sum(each) for each in counts])
        split = [message.split(each) for message, each in zip(messages, counts, strict=True)]
        return [
            torch.cat(
                [
                    split[rank][which].view(
                        each.shape[0], len(heads[own]), sizes[rank], each.shape[3]
                    )
                    for rank in ranks
                ],
                dim=2,
            )
            for which, (each, heads, sizes) in enumerate(triple)
        ]

    def to_tokens(self, out: torch.Tensor, rows: Sequence[int]) -> torch.Tensor:
        """[B, H of this rank, S of all ranks, D] -> [B, H, S on this rank, D]."""
        if self.channel.size == 1:
            return out
        batch, _, _, width = out.shape
        parts = [part.flatten() for part in out.split(list(rows), dim=2)]
        own = rows[self.channel.rank]
        messages = self.channel.all_to_all(
            parts, [batch * len(heads) * own * width for heads in self.heads]
        )
        return torch.cat(
            [
                message.view(batch, len(heads), own, width)
                for message, heads in zip(messages, self.heads, strict=True)
            ],
            dim=1,
        )

    def of_mask(self, mask: torch.Tensor) -> torch.Tensor:
        """This rank's heads of a mask [B or 1, H or 1, rows, columns]."""
        return mask if mask.shape[1] == 1 else _heads(mask, self.own)


def _heads(tensor: torch.Tensor, heads: range) -> torch.Tensor:
    return tensor[:, heads.start : heads.stop]
