"""Small modules, one for each thing that a tensor-parallel plan can say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from cache_dit.parallelism.tensor_plan import (
    kv_colwise,
    kv_heads,
    packed_colwise,
    packed_rowwise,
)


class Layers(nn.Module):
    """Layers by name, and how a call goes through them."""

    def __init__(self, call: Callable[[Any, torch.Tensor], torch.Tensor], **layers: nn.Module):
        super().__init__()
        self.call = call
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self, x)


class Grouped(nn.Module):
    """Attention with more query heads than key heads; widths and heads are read from attributes."""

    def __init__(self, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads
        self.q, self.out = nn.Linear(8, 4 * heads), nn.Linear(4 * heads, 8)
        self.k, self.v = nn.Linear(8, 4 * kv_heads), nn.Linear(8, 4 * kv_heads)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = self.q(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = (
            layer(x).unflatten(-1, (self.kv_heads, -1)).transpose(1, 2)
            for layer in (self.k, self.v)
        )
        output = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
        return self.out(output.transpose(1, 2).flatten(2))


class LoRA(nn.Module):
    """What peft makes of a linear layer."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__()
        self.base_layer = nn.Linear(inner, outer)
        self.lora_A = nn.ModuleDict({"default": nn.Linear(inner, 2, bias=False)})
        self.lora_B = nn.ModuleDict({"default": nn.Linear(2, outer, bias=False)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base_layer(x) + 0.5 * self.lora_B["default"](self.lora_A["default"](x))


class Experts(nn.Module):
    """Two feed-forwards, added up."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.ModuleList([nn.Linear(8, 12) for _ in range(2)])
        self.second = nn.ModuleList([nn.Linear(12, 8) for _ in range(2)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pairs = zip(self.first, self.second, strict=True)
        return sum((second(first(x).relu()) for first, second in pairs), torch.zeros_like(x))


def gated(self: Any, x: torch.Tensor) -> torch.Tensor:
    gate, value = self.a(x).chunk(2, -1)
    return self.b(torch.cat([gate.sigmoid() * value, value], -1))


def plain(self: Any, x: torch.Tensor) -> torch.Tensor:
    return self.b(self.a(x))


def normed(self: Any, x: torch.Tensor) -> torch.Tensor:
    return self.b(self.norm(self.a(x)))


def convolved(self: Any, x: torch.Tensor) -> torch.Tensor:
    return self.b(self.deep(self.a(x.mT)).relu()).mT


def words(self: Any, x: torch.Tensor) -> torch.Tensor:
    return self.a((x.abs() * 5).long().clamp(max=9)).mean(2)


def lora() -> nn.Module:
    return Layers(plain, a=LoRA(8, 12), b=LoRA(12, 8))


AROUND = {"a": "colwise", "b": "rowwise"}

TOYS: dict[str, tuple[Callable[[], nn.Module], dict[str, Any], tuple[Any, ...]]] = {
    "colwise, rowwise": (
        lambda: Layers(plain, a=nn.Linear(8, 12), b=nn.Linear(12, 8)),
        AROUND,
        (),
    ),
    "colwise_gather_output, rowwise_split_input": (
        lambda: Layers(plain, a=nn.Linear(8, 12), b=nn.Linear(12, 8)),
        {"a": "colwise_gather_output", "b": "rowwise_split_input"},
        (),
    ),
    "packed": (
        lambda: Layers(gated, a=nn.Linear(8, 24), b=nn.Linear(24, 8)),
        {"a": packed_colwise(1, 1), "b": packed_rowwise(1, 1)},
        (),
    ),
    "rms norm": (
        lambda: Layers(normed, a=nn.Linear(8, 12), norm=nn.RMSNorm(12), b=nn.Linear(12, 8)),
        {**AROUND, "norm": "norm"},
        (),
    ),
    "layer norm": (
        lambda: Layers(normed, a=nn.Linear(8, 12), norm=nn.LayerNorm(12), b=nn.Linear(12, 8)),
        {**AROUND, "norm": "norm"},
        (),
    ),
    "convolutions": (
        lambda: Layers(
            convolved,
            a=nn.Conv1d(8, 12, 1),
            deep=nn.Conv1d(12, 12, 3, padding=1, groups=12),
            b=nn.Conv1d(12, 8, 1),
        ),
        {"{a,deep}": "colwise", "b": "rowwise"},
        (),
    ),
    "experts": (
        Experts,
        {"first.*": "colwise", "second.*": "local_rowwise", "": "all_reduce"},
        (),
    ),
    "embedding by width": (
        lambda: Layers(words, a=nn.Embedding(10, 12)),
        {"a": "embedding_colwise"},
        (),
    ),
    "embedding by words": (
        lambda: Layers(words, a=nn.Embedding(10, 12)),
        {"a": "embedding_rowwise"},
        (),
    ),
    "lora": (lora, AROUND, ()),
    "grouped heads": (
        lambda: Grouped(4, 2),
        {"q": "colwise", "{k,v}": kv_colwise("kv_heads"), "out": "rowwise"},
        ("heads", kv_heads("kv_heads")),
    ),
    "one head for all queries": (
        lambda: Grouped(4, 1),
        {"q": "colwise", "{k,v}": kv_colwise("kv_heads"), "out": "rowwise"},
        ("heads", kv_heads("kv_heads")),
    ),
}
"""Name -> (make it, plan, divide)."""
