"""A transformer that nobody registered: joint blocks in a loop of its own, then single blocks.

Its names are nobody else's, its projections are fused, its norms go over all heads, a condition is
added before every other block, and text and image stand in one sequence in the second half.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class Mixer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.n_heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.q_norm, self.k_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.merge = nn.Linear(width, width)

    def forward(self, row: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        query, key, value = self.qkv(row).chunk(3, dim=-1)
        query, key = self.q_norm(query), self.k_norm(key)
        query, key, value = (
            each.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for each in (query, key, value)
        )
        query, key = (each * turns[:, None] for each in (query, key))
        attended = F.scaled_dot_product_attention(query, key, value)
        return self.merge(attended.transpose(1, 2).flatten(2))


class Widen(nn.Module):
    """SwiGLU, its gate and its value from one projection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(width, 6 * width), nn.Linear(3 * width, width)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        gate, value = self.up(row).chunk(2, dim=-1)
        return self.down(F.silu(gate) * value)


class JointLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.mix, self.widen = Mixer(width, heads), Widen(width)
        self.norm = nn.LayerNorm(width)

    def forward(
        self, pixels: torch.Tensor, words: torch.Tensor, when: torch.Tensor, turns: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count = words.shape[1]
        row = self.norm(torch.cat([words, pixels], dim=1)) * (1 + when[:, None])
        mixed = self.mix(row, turns)
        words, pixels = words + mixed[:, :count], pixels + mixed[:, count:]
        return words + self.widen(self.norm(words)), pixels + self.widen(self.norm(pixels))


class SingleLayer(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.mix, self.widen = Mixer(width, heads), Widen(width)
        self.norm = nn.LayerNorm(width)

    def forward(self, row: torch.Tensor, when: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        row = row + self.mix(self.norm(row) * (1 + when[:, None]), turns)
        return row + self.widen(self.norm(row))


class PeculiarDiT(nn.Module):
    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.embed = nn.Linear(6, width)
        self.read = nn.Linear(10, width)
        self.clock = nn.Linear(1, width)
        self.hint = nn.Linear(width, width)
        self.joint_layers = nn.ModuleList(JointLayer(width, heads) for _ in range(4))
        self.single_layers = nn.ModuleList(SingleLayer(width, heads) for _ in range(4))
        self.out_norm = nn.LayerNorm(width)
        self.unembed = nn.Linear(width, 6)

    def forward(self, noisy: torch.Tensor, words: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        pixels, words = self.embed(noisy), self.read(words)
        when = torch.tanh(self.clock(time[:, None] / 1000))
        turns = torch.linspace(0.5, 1.5, words.shape[1] + pixels.shape[1], dtype=pixels.dtype)
        turns = turns[None, :, None].expand(len(pixels), -1, 1)
        for number, layer in enumerate(self.joint_layers):
            if number % 2 == 0:
                pixels = pixels + self.hint(when)[:, None]
            words, pixels = layer(pixels, words, when=when, turns=turns)
        row = torch.cat([words, pixels], dim=1)
        for layer in self.single_layers:
            row = layer(row, when, turns)
        pixels = row[:, words.shape[1] :]
        return self.unembed(self.out_norm(pixels))


def make_model() -> PeculiarDiT:
    return PeculiarDiT()


def make_inputs(step: int, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    sample, direction = (torch.randn(2, 15, 6, generator=generator) for _ in range(2))
    return {
        "noisy": sample + 0.02 * step * direction,
        "words": torch.randn(2, 7, 10, generator=generator),
        "time": torch.full((2,), 900.0 - step),
    }
