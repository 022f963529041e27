"""A small diffusion transformer of your own: joint attention over text and image, in plain PyTorch.

`custom_model.py` brings it to the cache and to several devices. Nothing in here knows of that.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


class JointAttention(nn.Module):
    """Text and image attend to each other as one sequence."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.to_out = nn.Linear(width, width)

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        joint = torch.cat([encoder_hidden_states, hidden_states], dim=1)
        query, key, value = (
            project(joint).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        attended = F.scaled_dot_product_attention(query, key, value)
        joint = self.to_out(attended.transpose(1, 2).flatten(2))
        text = encoder_hidden_states.shape[1]
        return joint[:, text:], joint[:, :text]


class Block(nn.Module):
    """Attention, then a feed-forward network, both scaled by the time."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.scale = nn.Linear(width, width)
        self.attn = JointAttention(width, heads)
        self.ff_in, self.ff_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, temb: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        scale = 1 + self.scale(temb)[:, None]
        streams = [hidden_states, encoder_hidden_states]
        attended = self.attn(*(self.norm(stream) * scale for stream in streams))
        streams = [stream + added for stream, added in zip(streams, attended, strict=True)]
        image, text = (s + self.ff_out(F.gelu(self.ff_in(self.norm(s) * scale))) for s in streams)
        return image, text


class SmallDiT(nn.Module):
    """The velocity of an image's tokens [B, S, channels], given a text's [B, T, channels]."""

    def __init__(
        self, channels: int = 8, width: int = 32, heads: int = 4, num_layers: int = 4
    ) -> None:
        super().__init__()
        self.x_embedder = nn.Linear(channels, width)
        self.context_embedder = nn.Linear(channels, width)
        self.time_embedder = nn.Linear(1, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(num_layers))
        self.proj_out = nn.Linear(width, channels)

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        timestep: torch.Tensor,
    ) -> torch.Tensor:
        temb = F.silu(self.time_embedder(timestep[:, None] / 1000))
        hidden_states = self.x_embedder(hidden_states)
        encoder_hidden_states = self.context_embedder(encoder_hidden_states)
        for block in self.blocks:
            hidden_states, encoder_hidden_states = block(hidden_states, encoder_hidden_states, temb)
        return self.proj_out(hidden_states)


def make_model() -> SmallDiT:
    """A small one, for `cache-dit verify`."""
    return SmallDiT(num_layers=4)


def make_inputs(step: int, seed: int) -> dict[str, torch.Tensor]:
    """Arguments of one denoising call; the sample moves a little from step to step."""
    generator = torch.Generator().manual_seed(seed)
    sample, direction = (torch.randn(2, 15, 8, generator=generator) for _ in range(2))
    return {
        "hidden_states": sample + 0.02 * step * direction,
        "encoder_hidden_states": torch.randn(2, 7, 8, generator=generator),
        "timestep": torch.full((2,), 900.0 - step),
    }
