"""One attention over several ranks: what the tests run on every rank at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.distributed_attention import DistributedAttention, Tokens
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.sequence import Layout


def draw(seed: int, *shape: int) -> torch.Tensor:
    """The same numbers on every rank."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@dataclass(frozen=True)
class Sample:
    """One attention: which tensors and which mask.

    Attributes:
        lengths: tokens of each stream.
        heads: of the queries.
        key_heads: of keys and values; None for as many.
        kind: of the mask.
        dtype: of the tensors.
        width: of a head.
    """

    lengths: tuple[int, ...]
    heads: int = 4
    key_heads: int | None = None
    kind: str = ""
    dtype: torch.dtype = torch.float64
    width: int = 8

    def tensors(self) -> list[torch.Tensor]:
        """Query, key and value, the same on every rank."""
        length, heads = sum(self.lengths), self.heads
        shapes = [(2, each, length, self.width) for each in (heads, *[self.key_heads or heads] * 2)]
        return [draw(seed, *shape).to(self.dtype) for seed, shape in enumerate(shapes)]

    def options(self) -> dict[str, Any]:
        """What else ``scaled_dot_product_attention`` is given."""
        length, kind = sum(self.lengths), self.kind
        options: dict[str, Any] = {
            "enable_gqa": self.key_heads not in (None, self.heads),
            "is_causal": kind == "causal",
        }
        if kind == "padding":
            options["attn_mask"] = (torch.arange(length) < length - 3).view(1, 1, 1, -1)
        elif kind == "any":
            options["attn_mask"] = draw(3, 2, self.heads, length, length) > 0
            options["attn_mask"][0, :, 1] = False  # a query without keys
        elif kind == "added":
            options["attn_mask"] = draw(3, 1, 1, length, length)
        return options


def attend(
    config: dict[str, Any], sample: Sample, backend: str | None = None
) -> tuple[torch.Tensor, Layout, int]:
    """(this rank's output, layout of the sequence, bytes sent) of one attention."""
    attention = DistributedAttention.of(ParallelismConfig(**config))
    mesh = attention.mesh
    layout, rank = Layout(sample.lengths, mesh.context.size), mesh.context.rank
    channels = (mesh.ring, mesh.ulysses, mesh.context)
    before = sum(each.bytes_sent for each in channels)
    parts = [layout.part(each, 2, rank) for each in sample.tensors()]
    output = attention(Tokens(layout, layout), *parts, **sample.options(), backend=backend)
    return output, layout, sum(each.bytes_sent for each in channels) - before


def token_after_token(config: dict[str, Any]) -> bool:
    """Whether the output lies in memory so that its heads can be viewed as one width."""
    return attend(config, Sample((7, 17)))[0].transpose(1, 2).is_contiguous()


def attention_error(
    config: dict[str, Any], sample: Sample, backend: str | None = None
) -> tuple[float, int]:
    """(largest error against one process in double precision, bytes sent)."""
    output, layout, sent = attend(config, sample, backend)
    expected = F.scaled_dot_product_attention(
        *(each.double() for each in sample.tensors()), **sample.options()
    )
    rank = Mesh.of(ParallelismConfig(**config)).context.rank
    wrong = (output - layout.part(expected, 2, rank)).abs()
    return float(wrong.max()) if wrong.numel() else 0.0, sent


def relative_error(config: dict[str, Any], sample: Sample) -> tuple[float, int]:
    """(error relative to the length of the output, bytes sent)."""
    output, layout, sent = attend(config, sample)
    expected = F.scaled_dot_product_attention(*sample.tensors(), **sample.options())
    rank = Mesh.of(ParallelismConfig(**config)).context.rank
    expected = layout.part(expected, 2, rank)
    return float((output - expected).norm() / expected.norm()), sent


def overlapped(config: dict[str, Any], sample: Sample) -> tuple[bool, int, int]:
    """(whether overlapping gives the same bits, bytes sent with it, bytes sent without)."""
    plain, _, sent = attend(config, sample)
    output, _, sent_overlapped = attend({**config, "ulysses_async": True}, sample)
    return torch.equal(output, plain), sent_overlapped, sent
