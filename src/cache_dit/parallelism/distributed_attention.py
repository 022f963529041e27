"""Exact attention over a sequence that is split between ranks: Ulysses, ring, and both at once.

Ulysses (Jacobs et al., 2023) exchanges heads for tokens, attends, and exchanges back. Ring
attention (Liu et al., 2023) passes keys and values from rank to rank and merges partial results.
Together (USP: Fang & Zhao, 2024) the ranks of a Ulysses group stand for one rank of the ring. Any
lengths and any number of heads work.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from ..logger import init_logger
from .config import ParallelismConfig
from .head_exchange import HeadExchange, turns
from .local_attention import LocalAttention, Partial, merge
from .mask import Mask, Masks
from .mesh import Mesh
from .sequence import Counted, Layout
from .wire import EIGHT_BITS, EXACT, Wire, written

logger = init_logger(__name__)

TURNS = 4
"""Of Ulysses that overlaps: all but the first heads to arrive and the last to leave is hidden."""


@dataclass(frozen=True)
class Tokens:
    """Queries and keys of one attention: which layouts their sequences have."""

    query: Layout | Counted
    keys: Layout | Counted

    @property
    def sizes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """How many of each there are on each rank."""
        return self.query.sizes, self.keys.sizes


@dataclass
class DistributedAttention:
    """Attention of one rank's queries over the keys of all ranks.

    Attributes:
        mesh: the ranks.
        rotate_method: ``"p2p"`` passes keys around while computing, ``"allgather"`` fetches all.
        merge_in_float32: merge the ring's partial results in float32 at least.
        wire: how Ulysses writes what it sends.
        turns: Ulysses attends to some heads while others travel, in so many turns at most.
        masks: that were cut before.
    """

    mesh: Mesh
    rotate_method: str = "p2p"
    merge_in_float32: bool = True
    wire: Wire = EXACT
    turns: int = 1
    masks: Masks = field(default_factory=Masks)

    @classmethod
    def of(cls, config: ParallelismConfig) -> DistributedAttention:
        """As a config says; collective over the world when its mesh is made the first time."""
        mesh = Mesh.of(config)
        for name in ("ulysses_float8", "ulysses_async"):
            if getattr(config, name) and mesh.ulysses.size == 1:
                logger.warning(f"ParallelismConfig: {name} changes nothing: ulysses_size is 1.")
        return cls(
            mesh,
            config.ring_rotate_method,
            config.ring_convert_to_fp32,
            EIGHT_BITS if config.ulysses_float8 else EXACT,
            TURNS if config.ulysses_async else 1,
        )

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
        backend: str | None = None,
    ) -> torch.Tensor:
        """``scaled_dot_product_attention`` on tensors [B, H, S, D] whose S is split.

        A mask is one over the whole sequence, before it was split; rows or columns may be 1.
        ``backend`` names a kernel in diffusers' registry; None is torch's own. There is no dropout,
        whatever is asked for: this is inference.
        """
        place = self.mesh.context.rank
        _require(tokens.keys.sizes[place], key, "keys")
        if not tokens.query.lengths:  # every rank has all queries
            assert isinstance(tokens.keys, Layout)
            key, value = (tokens.keys.whole(each, 2, self.mesh.context) for each in (key, value))
            local = LocalAttention(scale, backend)
            return local(query, key, value, attn_mask, is_causal, enable_gqa)
        _require(tokens.query.sizes[place], query, "queries")
        mask = self.masks.of(self.mesh, tokens.query, tokens.keys, attn_mask, is_causal)
        rows, columns = self._sizes(tokens.query), self._sizes(tokens.keys)
        exchanges = self._exchanges(query.shape[1], key.shape[1])
        arriving = [each.to_heads(query, key, value, rows[0], columns[0]) for each in exchanges]
        leaving = []
        for exchange, arrived in zip(exchanges, arriving, strict=True):
            local = LocalAttention(scale, backend, exchange.key_of_head)
            out = self._over_ring(arrived(), mask.of(exchange.own), local, columns[1])
            leaving.append(exchange.to_tokens(out, rows[0]))
        by_turn = zip(*[finish() for finish in leaving], strict=True)
        heads = [part.transpose(1, 2) for of_rank in by_turn for (part,) in of_rank]
        return torch.cat(heads, 2).transpose(1, 2)  # as torch lays it out: some models view it

    def _exchanges(self, heads: int, key_heads: int) -> list[HeadExchange]:
        channel = self.mesh.ulysses
        most = self.turns if channel.size > 1 else 1
        shared_out = turns(heads, key_heads, channel.size, most)
        return [HeadExchange(channel, each, heads // key_heads, self.wire) for each in shared_out]

    def _over_ring(
        self,
        arrived: list[torch.Tensor],
        mask: Mask,
        local: LocalAttention,
        sizes: tuple[int, ...],
    ) -> torch.Tensor:
        ring = self.mesh.ring
        query, key, value = arrived
        if ring.size == 1:
            return local(query, key, value, mask.block(0, query.device))
        if self.rotate_method == "allgather":
            key, value = (torch.cat(ring.all_gather(each, sizes, 2), 2) for each in (key, value))
            return local(query, key, value, mask.all_blocks(query.device))
        return self._rotated(query, key, value, mask, local, sizes)

    def asked(self, query: torch.Tensor, key: torch.Tensor) -> Tokens:
        """The lengths of these on all ranks, by asking them; collective."""
        context = self.mesh.context
        own = context.within_reach(torch.tensor([[query.shape[2], key.shape[2]]]))
        both = torch.cat(context.all_gather(own, [1] * context.size, 0)).tolist()
        return Tokens(*(Counted(tuple(each)) for each in zip(*both, strict=True)))

    def _sizes(self, layout: Layout | Counted) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Tokens of each rank of this Ulysses group, and of each group of the ring."""
        width = self.mesh.ulysses.size
        groups = [layout.sizes[at : at + width] for at in range(0, layout.ranks, width)]
        return groups[self.mesh.ring.rank], tuple(map(sum, groups))

    def _rotated(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: Mask,
        local: LocalAttention,
        sizes: tuple[int, ...],
    ) -> torch.Tensor:
        ring, dtype = self.mesh.ring, query.dtype
        partial: Partial | None = None
        flat = written([key, value])
        per_token = [each.shape[0] * each.shape[1] * each.shape[3] for each in (key, value)]
        for step in range(ring.size):
            group = (ring.rank - step) % ring.size
            last = step + 1 == ring.size
            if not last:
                arriving = ring.rotate(flat, sizes[(group - 1) % ring.size] * sum(per_token))
            key, value = self._unflatten(flat, key, value, sizes[group])
            new = local.partly(query, key, value, mask.block(group, query.device))
            if self.merge_in_float32 and dtype.itemsize < 4:
                new = (new[0].float(), new[1].float())
            partial = new if partial is None else merge(partial, new)
            if not last:
                flat = arriving()
        assert partial is not None
        return partial[0].to(dtype)

    @staticmethod
    def _unflatten(
        flat: torch.Tensor, key: torch.Tensor, value: torch.Tensor, size: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        shapes = [(*each.shape[:2], size, each.shape[3]) for each in (key, value)]
        count = shapes[0][0] * shapes[0][1] * size * shapes[0][3]
        return flat[:count].view(shapes[0]), flat[count:].view(shapes[1])


def _require(expected: int, tensor: torch.Tensor, what: str) -> None:
    if tensor.shape[2] != expected:
        raise ValueError(
            f"context parallelism: an attention has {tensor.shape[2]} {what} on this rank, but its "
            f"plan says {expected}. Correct the streams that the plan's attention(...) names."
        )
