"""BrookDiT: a joint-attention diffusion transformer, as a model team might hand it over."""

import torch
import torch.nn.functional as F
from torch import nn


class RMS(nn.Module):
    def __init__(self, dim, eps=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * self.weight


def rotate(x, angles):  # x: B S H D, angles: S D/2
    a, b = x.chunk(2, dim=-1)
    cos, sin = angles.cos()[None, :, None], angles.sin()[None, :, None]
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Gated(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.up = nn.Linear(dim, 2 * hidden)  # value and gate, fused
        self.down = nn.Linear(hidden, dim)

    def forward(self, x):
        value, gate = self.up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * value)


class JointAttention(nn.Module):
    """Picture and caption attend to each other; six heads share two heads of keys and values."""

    def __init__(self, dim, heads, kv_heads):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, dim // heads
        kv = kv_heads * self.head_dim
        self.q_pic, self.kv_pic = nn.Linear(dim, dim), nn.Linear(dim, 2 * kv)
        self.q_cap, self.kv_cap = nn.Linear(dim, dim), nn.Linear(dim, 2 * kv)
        self.norm_q, self.norm_k = RMS(self.head_dim), RMS(self.head_dim)
        self.out_pic, self.out_cap = nn.Linear(dim, dim), nn.Linear(dim, dim)

    def forward(self, pic, cap, angles):
        def split(x, n):
            return x.unflatten(-1, (n, self.head_dim))

        q = torch.cat([split(self.q_pic(pic), self.heads), split(self.q_cap(cap), self.heads)], 1)
        kv = torch.cat([self.kv_pic(pic), self.kv_cap(cap)], 1)
        k, v = (split(each, self.kv_heads) for each in kv.chunk(2, dim=-1))
        q, k = rotate(self.norm_q(q), angles), rotate(self.norm_k(k), angles)
        out = F.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), enable_gqa=True
        )
        out = out.transpose(1, 2).flatten(2)
        return self.out_pic(out[:, : pic.shape[1]]), self.out_cap(out[:, pic.shape[1] :])


class Reach(nn.Module):
    """One joint block: caption first in the call, picture first in the return."""

    def __init__(self, dim, heads, kv_heads):
        super().__init__()
        self.attn = JointAttention(dim, heads, kv_heads)
        self.mlp_pic, self.mlp_cap = Gated(dim, 2 * dim), Gated(dim, 2 * dim)
        self.mod = nn.Linear(dim, 4 * dim)

    def forward(self, cap, pic, temb, angles):
        s1, g1, s2, g2 = self.mod(F.silu(temb))[:, None].chunk(4, dim=-1)
        a_pic, a_cap = self.attn(
            F.layer_norm(pic, pic.shape[-1:]) * (1 + s1), F.layer_norm(cap, cap.shape[-1:]), angles
        )
        pic, cap = pic + g1 * a_pic, cap + a_cap
        pic = pic + g2 * self.mlp_pic(F.layer_norm(pic, pic.shape[-1:]) * (1 + s2))
        return pic, cap + self.mlp_cap(F.layer_norm(cap, cap.shape[-1:]))


class BrookDiT(nn.Module):
    """Odd reaches get a learned kick of the picture from the mean of the caption, in the loop."""

    def __init__(self, channels=8, text=24, dim=48, heads=6, kv_heads=2, depth=6):
        super().__init__()
        self.depth, self.head_dim = depth, dim // heads
        self.embed, self.caption = nn.Linear(channels, dim), nn.Linear(text, dim)
        self.time = nn.Sequential(nn.Linear(16, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.reaches = nn.ModuleList(Reach(dim, heads, kv_heads) for _ in range(depth))
        self.kicks = nn.ModuleList(nn.Linear(dim, dim) for _ in range(depth // 2))
        self.head = nn.Linear(dim, channels)

    def forward(self, latents, captions, t):
        pic, cap = self.embed(latents), self.caption(captions)
        freqs = torch.exp(torch.arange(8, device=t.device, dtype=latents.dtype) * -0.7)
        phase = t.to(latents.dtype)[:, None] * freqs
        temb = self.time(torch.cat([phase.sin(), phase.cos()], -1))
        place = torch.arange(pic.shape[1] + cap.shape[1], device=t.device, dtype=latents.dtype)
        rates = torch.exp(
            torch.arange(self.head_dim // 2, device=t.device, dtype=latents.dtype) * -0.5
        )
        angles = place[:, None] * rates
        for i, reach in enumerate(self.reaches):
            if i % 2:
                pic = pic + torch.tanh(self.kicks[i // 2](cap.mean(1, keepdim=True)))
            pic, cap = reach(cap, pic, temb, angles)
        return self.head(F.layer_norm(pic, pic.shape[-1:]))


def make_model() -> BrookDiT:
    """A small one, for `cache-dit verify`."""
    return BrookDiT(depth=4)


def make_inputs(step: int, seed: int) -> dict[str, torch.Tensor]:
    """Arguments of one denoising call; the sample moves a little from step to step."""
    generator = torch.Generator().manual_seed(seed)
    sample, direction = (torch.randn(2, 15, 8, generator=generator) for _ in range(2))
    return {
        "latents": sample + 0.02 * step * direction,
        "captions": torch.randn(2, 7, 24, generator=generator),
        "t": torch.full((2,), 900.0 - step),
    }
