"""Another transformer that nobody registered: two kinds of blocks take turns, two of one to one.

The double blocks take the text first and return the image first, their fused projections have
fewer heads of keys than of queries, each layer has rotary factors of its own, and every second
double block is followed by a block over text and image in one row.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def rotated(x: torch.Tensor, rope: torch.Tensor) -> torch.Tensor:
    cos, sin = rope.unbind(-1)
    one, other = x[..., ::2], x[..., 1::2]
    return torch.stack([one * cos - other * sin, one * sin + other * cos], -1).flatten(-2)


class Fused(nn.Module):
    def __init__(self, dim: int, n_q: int, n_kv: int, wide: int = 0) -> None:
        super().__init__()
        self.n_q, self.n_kv, self.hd, self.wide = n_q, n_kv, dim // n_q, wide
        self.qkv = nn.Linear(dim, (n_q + 2 * n_kv) * self.hd + wide)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        sizes = [self.n_q * self.hd, self.n_kv * self.hd, self.n_kv * self.hd, self.wide]
        *heads, beside = self.qkv(x).split(sizes, -1)
        return [each.unflatten(-1, (-1, self.hd)).transpose(1, 2) for each in heads] + [beside]


def attended(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rope: torch.Tensor
) -> torch.Tensor:
    query, key = rotated(query, rope), rotated(key, rope)
    out = F.scaled_dot_product_attention(query, key, value, enable_gqa=True)
    return out.transpose(1, 2).flatten(2)


class Double(nn.Module):
    def __init__(self, dim: int, n_q: int, n_kv: int) -> None:
        super().__init__()
        self.on_txt, self.on_img = Fused(dim, n_q, n_kv), Fused(dim, n_q, n_kv)
        self.txt_out, self.img_out = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm, self.mod = nn.LayerNorm(dim), nn.Linear(dim, 2 * dim)
        self.widen, self.narrow = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(
        self, txt: torch.Tensor, img: torch.Tensor, cond: torch.Tensor, rope: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        one, other = self.mod(F.silu(cond))[:, None].chunk(2, dim=-1)
        pairs = zip(self.on_txt(self.norm(txt)), self.on_img(self.norm(img)), strict=True)
        query, key, value, _ = (torch.cat(pair, -2) for pair in pairs)
        out = attended(query, key, value, rope)
        txt = txt + one * self.txt_out(out[:, : txt.shape[1]])
        img = img + one * self.img_out(out[:, txt.shape[1] :])
        return img + other * self.narrow(F.gelu(self.widen(self.norm(img)))), txt


class Single(nn.Module):
    def __init__(self, dim: int, n_q: int, n_kv: int) -> None:
        super().__init__()
        self.norm, self.fused = nn.LayerNorm(dim), Fused(dim, n_q, n_kv, wide=3 * dim)
        self.gate, self.out = nn.Linear(dim, dim), nn.Linear(4 * dim, dim)

    def forward(self, row: torch.Tensor, cond: torch.Tensor, rope: torch.Tensor) -> torch.Tensor:
        *heads, beside = self.fused(self.norm(row))
        both = torch.cat([attended(*heads, rope), F.gelu(beside)], dim=-1)
        return row + self.gate(F.silu(cond))[:, None] * self.out(both)


class LakeDiT(nn.Module):
    def __init__(self, dim: int = 64, n_q: int = 8, n_kv: int = 2, depth: int = 6) -> None:
        super().__init__()
        self.img_in, self.txt_in, self.clock = (nn.Linear(size, dim) for size in (12, 20, 1))
        doubles = nn.ModuleList(Double(dim, n_q, n_kv) for _ in range(depth))
        singles = nn.ModuleList(Single(dim, n_q, n_kv) for _ in range(depth // 2))
        self.layers = nn.ModuleDict({"pair": doubles, "row": singles})
        self.freqs = nn.ParameterList(torch.rand(dim // n_q // 2) for _ in range(depth))
        self.head = nn.Linear(dim, 12)

    def forward(
        self, latents: torch.Tensor, prompt: torch.Tensor, sigma: torch.Tensor
    ) -> torch.Tensor:
        img, txt, cond = self.img_in(latents), self.txt_in(prompt), self.clock(sigma[:, None])
        places = torch.arange(txt.shape[1] + img.shape[1], dtype=latents.dtype)[:, None]
        ropes = [torch.stack([(places * f).cos(), (places * f).sin()], -1) for f in self.freqs]
        pairs, rows = self.layers["pair"], self.layers["row"]
        assert isinstance(pairs, nn.ModuleList) and isinstance(rows, nn.ModuleList)
        for i, (block, rope) in enumerate(zip(pairs, ropes, strict=True)):
            img, txt = block(txt, img, cond, rope)
            if i % 2 == 1:
                row = rows[i // 2](torch.cat([txt, img], 1), cond, rope)
                txt, img = row[:, : txt.shape[1]], row[:, txt.shape[1] :]
        return self.head(img)


def make_model() -> LakeDiT:
    return LakeDiT()


def make_inputs(step: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    sample, direction = torch.randn(2, 2, 15, 12, generator=generator)
    return {
        "latents": sample + 0.02 * step * direction,
        "prompt": torch.randn(2, 7, 20, generator=generator),
        "sigma": torch.full((2,), 0.9 - 0.01 * step),
    }
