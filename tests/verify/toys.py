"""Transformers of a few lines, right and wrong in known ways, and inputs for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from cache_dit import BlockAdapter, ForwardPattern

WIDTH = 6


class Block(nn.Module):
    """One stream, with the other as a condition."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> torch.Tensor:
        mean = encoder_hidden_states.mean(1, keepdim=True)
        return hidden_states + self.linear(hidden_states + mean).tanh()


class JointBlock(nn.Module):
    """Two streams that change each other; the text comes out first."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = Block(), Block()

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        text = self.text(encoder_hidden_states, hidden_states)
        return text, self.image(hidden_states, text)


class Transformer(nn.Module):
    """Joint blocks, then blocks of one stream."""

    def __init__(self, joint: int = 4, single: int = 4) -> None:
        super().__init__()
        self.layers = nn.ModuleList(JointBlock() for _ in range(joint))
        self.single_layers = nn.ModuleList(Block() for _ in range(single))

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, timestep: Any = None
    ) -> torch.Tensor:
        for block in self.layers:
            encoder_hidden_states, hidden_states = block(hidden_states, encoder_hidden_states)
        for block in self.single_layers:
            hidden_states = block(hidden_states, encoder_hidden_states)
        return hidden_states


class TakingTurns(Transformer):
    """A block of one list, then one of the other; the text is not changed."""

    def __init__(self) -> None:
        super().__init__(joint=0)
        self.layers = nn.ModuleList(Block() for _ in self.single_layers)

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, timestep: Any = None
    ) -> torch.Tensor:
        for pair in zip(self.layers, self.single_layers, strict=True):
            for block in pair:
                hidden_states = block(hidden_states, encoder_hidden_states)
        return hidden_states


class PastTheStreams(Transformer):
    """What a joint block returns reaches the end past all other blocks."""

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor, timestep: Any = None
    ) -> torch.Tensor:
        outputs = []
        for block in self.layers:
            encoder_hidden_states, hidden_states = block(hidden_states, encoder_hidden_states)
            outputs.append(hidden_states)
        return torch.stack(outputs).sum(0)


class Kept:
    """The text states of all blocks."""

    def __init__(self) -> None:
        self.tensors: list[torch.Tensor] = []


class Filling(Transformer):
    """Joint blocks whose text is computed once, by a call of its own, and kept."""

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        timestep: Any = None,
        kept: Kept | None = None,
        fills: bool = False,
    ) -> torch.Tensor:
        assert kept is not None
        text = encoder_hidden_states
        for index, block in enumerate(self.layers):
            if not fills:
                text = kept.tensors[index]
            text, hidden_states = block(hidden_states, text)
            if fills:
                kept.tensors.append(text)
        return hidden_states


def built(cls: type[nn.Module] = Transformer, **sizes: int) -> Any:
    """A model in float64 with fixed weights."""
    torch.manual_seed(0)
    return cls(**sizes).double().eval()


def inputs(step: int, seed: int) -> dict[str, torch.Tensor]:
    """A sample that drifts, and a text that does not."""
    generator = torch.Generator().manual_seed(seed)

    def draw(tokens: int) -> torch.Tensor:
        return torch.randn(2, tokens, WIDTH, generator=generator, dtype=torch.float64)

    sample, direction, text = draw(5), draw(5), draw(3)
    return {
        "hidden_states": sample + 0.02 * step * direction,
        "encoder_hidden_states": text,
        "timestep": torch.tensor([900.0 - step]),
    }


def adapter(model: nn.Module, **changes: Any) -> BlockAdapter:
    """The right description of `Transformer`, with changes."""
    right = {
        "blocks_name": ["layers", "single_layers"],
        "forward_pattern": [ForwardPattern.Pattern_1, ForwardPattern.Pattern_2],
        "chained": True,
    }
    return BlockAdapter(transformer=model, **{**right, **changes})
