"""Exact attention over a sequence that is split between ranks: Ulysses, ring, and both at once.

Ulysses (Jacobs et al., 2023) exchanges heads for tokens, attends, and exchanges back. Ring attention
(Liu et al., 2023) passes keys and values from rank to rank and merges partial results. Together
(USP: Fang & Zhao, 2024) the ranks of a Ulysses group stand for one rank of the ring. Any lengths and
any number of heads work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from .exchange import HeadExchange
from .mesh import Mesh
from .partial_attention import Partial, attend, attend_partly, merge
from .sequence import Layout


@dataclass(frozen=True)
class Tokens:
    """Queries and keys of one attention: which layouts their sequences have."""

    query: Layout
    keys: Layout


@dataclass
class DistributedAttention:
    """Attention of one rank's queries over the keys of all ranks.

    Attributes:
        mesh: the ranks.
        rotate_method: ``"p2p"`` passes keys around while computing, ``"allgather"`` fetches all.
        merge_in_float32: merge the ring's partial results in float32 at least.
        float8: send q, k, v and the output in 8 bits.
    """

    mesh: Mesh
    rotate_method: str = "p2p"
    merge_in_float32: bool = True
    float8: bool = False

    def __call__(
        self,
        tokens: Tokens,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        """``scaled_dot_product_attention`` on tensors [B, H, S, D] whose S is split.

        A mask is one over the whole sequence, before it was split; rows or columns may be 1.
        """
        ulysses, place = self.mesh.ulysses, self.mesh.context.rank
        _require(tokens.keys.sizes[place], key, "keys")
        if not tokens.query.lengths:  # every rank has all queries
            key, value = (tokens.keys.whole(each, 2, self.mesh.context) for each in (key, value))
            options = {"scale": scale, "is_causal": is_causal, "enable_gqa": enable_gqa}
            return F.scaled_dot_product_attention(query, key, value, attn_mask, **options)
        _require(tokens.query.sizes[place], query, "queries")
        heads = HeadExchange(ulysses, query.shape[1], key.shape[1], float8=self.float8)
        rows, columns = self._sizes(tokens.query), self._sizes(tokens.keys)
        query, key, value = heads.to_heads(query, key, value, rows[0], columns[0])
        mask = Mask(self, tokens, attn_mask, is_causal, heads)
        if self.mesh.ring.size == 1:
            out = attend(query, key, value, mask.block(0, query.device), scale)
        elif self.rotate_method == "allgather":
            out = self._gathered(query, key, value, mask, scale, columns[1])
        else:
            out = self._rotated(query, key, value, mask, scale, columns[1])
        return heads.to_tokens(out, rows[0])

    def _sizes(self, layout: Layout) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tokens of each rank of this Ulysses group, and of each group of the ring."""
        width = self.mesh.ulysses.size
        groups = [layout.sizes[at : at + width] for at in range(0, layout.ranks, width)]
        return groups[self.mesh.ring.rank], tuple(map(sum, groups))

    def ranks_of(self, group: int) -> range:
        """Places of one Ulysses group among all ranks that share the sequence."""
        width = self.mesh.ulysses.size
        return range(group * width, (group + 1) * width)

    def _gathered(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Mask,
        scale: float | None,
        sizes: tuple[int, ...],
    ) -> torch.Tensor:
        ring = self.mesh.ring
        key, value = (torch.cat(ring.all_gather(each, sizes, 2), 2) for each in (key, value))
        return attend(query, key, value, mask.all_blocks(query.device), scale)

    def _rotated(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Mask,
        scale: float | None,
        sizes: tuple[int, ...],
    ) -> torch.Tensor:
        ring, dtype = self.mesh.ring, query.dtype
        partial: Partial | None = None
        flat = torch.cat([key.flatten(), value.flatten()])
        per_token = [each.shape[0] * each.shape[1] * each.shape[3] for each in (key, value)]
        for step in range(ring.size):
            group = (ring.rank - step) % ring.size
            works: list[Any] = []
            if step + 1 < ring.size:
                incoming = sizes[(group - 1) % ring.size] * sum(per_token)
                received, works = ring.rotate(flat, incoming)
            key, value = self._unflatten(flat, key, value, sizes[group])
            new = attend_partly(query, key, value, mask.block(group, query.device), scale)
            if self.merge_in_float32 and dtype.itemsize < 4:
                new = (new[0].float(), new[1].float())
            partial = new if partial is None else merge(partial, new)
            for work in works:
                work.wait()
            if step + 1 < ring.size:
                flat = received
        assert partial is not None
        return partial[0].to(dtype)

    @staticmethod
    def _unflatten(
        flat: torch.Tensor, key: torch.Tensor, value: torch.Tensor, size: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        shapes = [(*each.shape[:2], size, each.shape[3]) for each in (key, value)]
        count = shapes[0][0] * shapes[0][1] * size * shapes[0][3]
        return flat[:count].view(shapes[0]), flat[count:].view(shapes[1])


class Mask:
    """A mask over the whole sequence, cut to the rows and columns of one block of the ring."""

    def __init__(
        self,
        attention: DistributedAttention,
        tokens: Tokens,
        mask: torch.Tensor | None,
        causal: bool,
        heads: HeadExchange,
    ) -> None:
        self.attention, self.tokens, self.causal = attention, tokens, causal
        self.mask = None if mask is None else heads.of_mask(_compact(mask))

    def block(self, group: int, device: torch.device) -> torch.Tensor | None:
        """Rows of this rank's Ulysses group, columns of another one."""
        return self._cut(self.attention.ranks_of(group), device)

    def all_blocks(self, device: torch.device) -> torch.Tensor | None:
        """Rows of this rank's Ulysses group, columns of all ranks in order."""
        return self._cut(range(self.tokens.keys.ranks), device)

    def _cut(self, ranks: range, device: torch.device) -> torch.Tensor | None:
        if self.mask is None and not self.causal:
            return None
        rows = self.tokens.query.positions(
            self.attention.ranks_of(self.attention.mesh.ring.rank), device
        )
        columns = self.tokens.keys.positions(ranks, device)
        if self.mask is None:
            return rows.unsqueeze(1) >= columns
        mask = _select(self.mask, -2, rows, self.tokens.query)
        mask = _select(mask, -1, columns, self.tokens.keys)
        return mask & (rows.unsqueeze(1) >= columns) if self.causal else mask


def _compact(mask: torch.Tensor) -> torch.Tensor:
    """Dimensions along which a mask was expanded are 1 again: they say nothing about lengths."""
    while mask.ndim < 4:
        mask = mask.unsqueeze(0)
    for dim in range(3):
        if mask.shape[dim] > 1 and mask.stride(dim) == 0:
            mask = mask.narrow(dim, 0, 1)
    return mask


def _select(mask: torch.Tensor, dim: int, places: torch.Tensor, layout: Layout) -> torch.Tensor:
    if mask.shape[dim] == 1 and layout.length != 1:
        return mask
    if mask.shape[dim] != layout.length:
        raise ValueError(
            f"context parallelism: a mask of shape {tuple(mask.shape)} does not fit a sequence of "
            f"{layout.length} tokens. It has to cover the whole sequence, or be 1 wide."
        )
    return mask.index_select(dim, places)


def _require(expected: int, tensor: torch.Tensor, what: str) -> None:
    if tensor.shape[2] != expected:
        raise ValueError(
            f"context parallelism: an attention has {tensor.shape[2]} {what} on this rank, but its "
            f"plan says {expected}. Correct the streams that the plan's attention(...) names."
        )
