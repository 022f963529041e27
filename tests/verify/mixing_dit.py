"""A model whose loop mixes the text's tokens, with a tensor-parallel plan that is wrong."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import nn

from cache_dit.parallelism import TensorParallelismPlanner, TensorParallelismPlannerRegister

WIDTH, HEADS = 16, 4


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, ...]:
        projected = self.into(torch.cat([image, text], 1)).chunk(3, -1)
        q, k, v = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in projected)
        joint = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return joint[:, : image.shape[1]], joint[:, image.shape[1] :]


class Gated(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        value, gate = self.up(x).chunk(2, -1)
        return self.down(F.silu(gate) * value)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attn, self.ff = Attention(), Gated()

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        to_image, to_text = self.attn(image, text)
        image, text = image + to_image, text + to_text
        return image + self.ff(image), text + self.ff(text)


class MixingDiT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.kick = nn.Linear(WIDTH, WIDTH)
        self.head = nn.Linear(WIDTH, WIDTH)

    def forward(self, image: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        for index, block in enumerate(self.blocks):
            if index == 1:
                image = image + self.kick(text.mean(1, keepdim=True))
            image, text = block(image, text)
        return self.head(image)


@TensorParallelismPlannerRegister.register("MixingDiT")
class MixingDiTTensorParallelismPlanner(TensorParallelismPlanner):
    """Wrong: what ``up`` packs is cut as if it were one."""

    plan: ClassVar[dict[str, Any]] = {"blocks.*.ff.up": "colwise", "blocks.*.ff.down": "rowwise"}


def make_model() -> MixingDiT:
    return MixingDiT()


def make_inputs(step: int, seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(100 * seed + step)
    tokens = {"image": 5, "text": 3}
    return {name: torch.randn(2, n, WIDTH, generator=generator) for name, n in tokens.items()}
