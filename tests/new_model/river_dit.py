"""Another transformer that nobody registered: a loop that cannot be read, and few key heads.

It counts its blocks with ``while``, attends to image and text with half as many key heads, makes
keys and values in one layer, and begins with gates of zero.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class Look(nn.Module):
    def __init__(self, width: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.num_heads, self.num_kv_heads, self.head_dim = heads, kv_heads, width // heads
        self.q = nn.Linear(width, width, bias=False)
        self.kv = nn.Linear(width, 2 * kv_heads * self.head_dim, bias=False)
        self.q_norm, self.k_norm = nn.LayerNorm(self.head_dim), nn.LayerNorm(self.head_dim)
        self.o = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, context: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        batch, length, _ = x.shape
        both = torch.cat([x, context], dim=1)
        query = self.q(x).view(batch, length, self.num_heads, self.head_dim)
        shape = (batch, both.shape[1], 2, self.num_kv_heads, self.head_dim)
        key, value = self.kv(both).view(shape).unbind(2)
        query, key = self.q_norm(query), self.k_norm(key)
        query, key, value = (each.transpose(1, 2) for each in (query, key, value))
        times = self.num_heads // self.num_kv_heads
        key, value = (each.repeat_interleave(times, dim=1) for each in (key, value))
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.o(out.transpose(1, 2).reshape(batch, length, -1))


class Stage(nn.Module):
    def __init__(self, width: int, heads: int, kv_heads: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.look = Look(width, heads, kv_heads)
        self.gate, self.up = nn.Linear(width, 3 * width), nn.Linear(width, 3 * width)
        self.down = nn.Linear(3 * width, width)
        self.mod = nn.Linear(width, 2 * width)
        nn.init.zeros_(self.mod.weight)
        nn.init.zeros_(self.mod.bias)

    def forward(
        self, x: torch.Tensor, context: torch.Tensor, emb: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        one, other = self.mod(F.silu(emb))[:, None].chunk(2, dim=-1)
        x = x + one * self.look(self.first(x), context=context, mask=mask)
        z = self.second(x)
        return x + other * self.down(F.silu(self.gate(z)) * self.up(z))


class RiverDiT(nn.Module):
    def __init__(self, width: int = 32, heads: int = 4, kv_heads: int = 2, depth: int = 6) -> None:
        super().__init__()
        self.patch = nn.Conv2d(4, width, 2, 2)
        self.read, self.clock = nn.Linear(12, width), nn.Linear(1, width)
        self.stages = nn.ModuleList(Stage(width, heads, kv_heads) for _ in range(depth))
        self.final = nn.Linear(width, 16)

    def forward(
        self, sample: torch.Tensor, text: torch.Tensor, text_mask: torch.Tensor, t: torch.Tensor
    ) -> torch.Tensor:
        size = (sample.shape[2] // 2, sample.shape[3] // 2)
        x = self.patch(sample).flatten(2).transpose(1, 2)
        text, emb = self.read(text), self.clock(t[:, None] / 1000)
        image_mask = torch.ones(x.shape[:2], dtype=torch.bool)
        mask = torch.cat([image_mask, text_mask], dim=1)[:, None, None]
        number = 0
        while number < len(self.stages):
            x = self.stages[number](x, text, emb, mask)
            if number % 3 == 2:
                x = x + emb[:, None]
            number += 1
        x = self.final(x).unflatten(1, size).unflatten(-1, (4, 2, 2))
        return x.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def make_model() -> RiverDiT:
    return RiverDiT()


def make_inputs(step: int, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    sample, direction = (torch.randn(2, 4, 6, 10, generator=generator) for _ in range(2))
    return {
        "sample": sample + 0.02 * step * direction,
        "text": torch.randn(2, 7, 12, generator=generator),
        "text_mask": torch.arange(7)[None] < torch.tensor([[7], [5]]),
        "t": torch.full((2,), 900.0 - step),
    }
