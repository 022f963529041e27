"""Toy transformers of linear blocks: every number that they make can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from cache_dit import BlockAdapter, ForwardPattern

WIDTH = 4


class Gain(nn.Module):
    """Adds ``gain`` times the states to the states."""

    def __init__(self, gain: float, index: int, ran: list[int]) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH, bias=False, dtype=torch.float64)
        self.linear.weight.data.copy_(gain * torch.eye(WIDTH))
        self.index, self.ran = index, ran

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        self.ran.append(self.index)
        return hidden_states + self.linear(hidden_states)


class GainTransformer(nn.Module):
    """Multiplies its input by ``1 + gain`` in each block, and notes which blocks ran.

    As everything is a multiple of the first input, one number (the *level*) stands for a tensor,
    and the relative change of any residual is that of the level.
    """

    def __init__(self, gains: Sequence[float] = (0.5, 0.25, -0.125, 1.0)) -> None:
        super().__init__()
        self.gains = list(gains)
        self.ran: list[int] = []
        self.blocks = nn.ModuleList(Gain(gain, i, self.ran) for i, gain in enumerate(gains))

    def forward(
        self, hidden_states: torch.Tensor, timestep: torch.Tensor | None = None
    ) -> torch.Tensor:
        for block in self.blocks:
            hidden_states = block(hidden_states)
        return hidden_states

    def adapter(self, **options: Any) -> BlockAdapter:
        return BlockAdapter(
            transformer=self,
            blocks=self.blocks,
            forward_pattern=ForwardPattern.Pattern_3,
            **options,
        )

    def at(self, level: float, timestep: float | None = None) -> tuple[float, list[int]]:
        """One call: the level that comes out, and the blocks that ran."""
        self.ran.clear()
        states = torch.full((1, 3, WIDTH), level, dtype=torch.float64)
        with torch.no_grad():
            time = None if timestep is None else torch.tensor([timestep])
            out = self(states, timestep=time)
        return out[0, 0, 0].item(), list(self.ran)
