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


class ThreeLists(nn.Module):
    """Block lists a, b and c.d, of 3, 2 and 3 blocks, one after the other."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[int] = []

        def blocks(*indices: int) -> nn.ModuleList:
            return nn.ModuleList(Gain(0.5, i, self.ran) for i in indices)

        self.a, self.b = blocks(0, 1, 2), blocks(3, 4)
        self.c = nn.ModuleDict({"d": blocks(5, 6, 7)})

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        for block in (*self.a, *self.b, *self.c["d"]):
            hidden_states = block(hidden_states)
        return hidden_states

    def second_step(self) -> list[int]:
        """Which blocks run in the second of two equal steps."""
        states = torch.ones(1, 3, WIDTH, dtype=torch.float64)
        for _ in range(2):
            self.ran.clear()
            self(states)
        return list(self.ran)


class StreamBlock(nn.Module):
    """A block with text states beside the denoised ones, taken and returned as its pattern says.

    ``in_place`` writes the result into the input and returns that same tensor; ``wrapped`` returns
    a tuple of one; ``drops_text`` returns None for the text states, as the last block of SD3 does;
    ``kind`` is the class of what is returned where it is more than a tensor.
    """

    def __init__(
        self,
        pattern: ForwardPattern,
        *,
        in_place: bool,
        wrapped: bool,
        drops_text: bool,
        kind: type,
    ) -> None:
        super().__init__()
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.text = nn.Linear(WIDTH, WIDTH)
        self.pattern, self.in_place = pattern, in_place
        self.wrapped, self.drops_text, self.kind = wrapped, drops_text, kind
        self.calls = 0

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor | None = None
    ) -> Any:
        self.calls += 1
        text = encoder_hidden_states if encoder_hidden_states is not None else hidden_states
        moved = torch.tanh(self.mix(hidden_states) + text.mean(1, keepdim=True))
        text = text + torch.tanh(self.text(text))
        if self.in_place:
            hidden_states += moved
        else:
            hidden_states = hidden_states + moved
        if self.pattern.Return_H_Only:
            return self._made([hidden_states]) if self.wrapped else hidden_states
        streams = [hidden_states, None if self.drops_text else text]
        return self._made(streams if self.pattern.Return_H_First else streams[::-1])

    def _made(self, streams: list[torch.Tensor | None]) -> Any:
        return self.kind(*streams) if hasattr(self.kind, "_fields") else self.kind(streams)


class HiddenBlock(StreamBlock):
    """The same for patterns whose blocks take the denoised states only."""

    def forward(self, hidden_states: torch.Tensor) -> Any:
        return super().forward(hidden_states)


class StreamTransformer(nn.Module):
    """A loop over blocks of any pattern, as models write it.

    Args:
        pattern: of the blocks.
        size: how many blocks.
        by_keyword: blocks are called with names; with positions otherwise.
        rounds: how often one forward goes over the list.
        options: of the blocks.
    """

    def __init__(
        self,
        pattern: ForwardPattern,
        size: int = 6,
        *,
        by_keyword: bool = False,
        rounds: int = 1,
        drops_last_text: bool = False,
        in_place: bool = False,
        wrapped: bool = False,
        kind: type = tuple,
    ) -> None:
        super().__init__()
        block = HiddenBlock if pattern.Forward_H_only else StreamBlock
        self.pattern, self.by_keyword, self.rounds = pattern, by_keyword, rounds
        self.enter = nn.Linear(WIDTH, WIDTH)
        last = size - 1 if drops_last_text else size
        self.blocks = nn.ModuleList(
            block(pattern, in_place=in_place, wrapped=wrapped, drops_text=i == last, kind=kind)
            for i in range(size)
        )

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor,
        hints: list[torch.Tensor] | None = None,
    ) -> torch.Tensor:
        hidden, text = self.enter(hidden_states), encoder_hidden_states
        for _ in range(self.rounds):
            for i, block in enumerate(self.blocks):
                hidden, text = self._call(block, hidden, text)
                assert block.drops_text or text is not None  # a loop may use it at any place
                if hints is not None:
                    hidden = hidden + hints[i]
        return hidden if text is None else hidden + text.mean(1, keepdim=True)

    def _call(
        self, block: nn.Module, hidden: torch.Tensor, text: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        streams = {"hidden_states": hidden, "encoder_hidden_states": text}
        given = {name: streams[name] for name in self.pattern.In}
        out = block(**given) if self.by_keyword else block(*given.values())
        several = block.wrapped or not self.pattern.Return_H_Only
        assert type(out) is (block.kind if several else torch.Tensor)
        if self.pattern.Return_H_Only:
            return (out[0] if block.wrapped else out), text
        return tuple(out) if self.pattern.Return_H_First else tuple(reversed(out))

    def adapter(self, **options: Any) -> BlockAdapter:
        return BlockAdapter(
            transformer=self, blocks=self.blocks, forward_pattern=self.pattern, **options
        )

    def inputs(self, dtype: torch.dtype = torch.float64, hinted: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {
            "hidden_states": torch.randn(2, 5, WIDTH, dtype=dtype),
            "encoder_hidden_states": torch.randn(2, 3, WIDTH, dtype=dtype),
        }
        if hinted:
            made["hints"] = [torch.randn(2, 5, WIDTH, dtype=dtype) for _ in self.blocks]
        return made
