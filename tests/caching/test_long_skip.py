"""Blocks of the back half that take the output of their mirror image in the front half."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import BlockAdapter, DBCacheConfig, ForwardPattern, TaylorSeerCalibratorConfig

WIDTH, DEPTH = 4, 8


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH, dtype=torch.float64)

    def forward(
        self, hidden_states: torch.Tensor, skip: torch.Tensor | None = None
    ) -> torch.Tensor:
        taken = hidden_states if skip is None else hidden_states - 0.5 * skip
        return hidden_states + torch.tanh(self.linear(taken))


class UNet(nn.Module):
    """The two blocks in the middle neither give a skip nor take one."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        skips: list[torch.Tensor] = []
        for index, block in enumerate(self.blocks):
            states = block(states, skip=skips.pop() if index > DEPTH // 2 else None)
            if index < DEPTH // 2 - 1:
                skips.append(states)
        return states


@pytest.mark.parametrize("back", range(DEPTH))
def test_a_reused_step_gives_the_tail_the_skips_of_blocks_that_did_not_run(back: int) -> None:
    model = UNet()
    states = torch.randn(1, 3, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        plain = model(states)
        for front in range(1, DEPTH - back + 1):
            adapter = BlockAdapter(
                transformer=model,
                blocks=model.blocks,
                forward_pattern=ForwardPattern.Pattern_3,
                long_skip="skip",
            )
            config = DBCacheConfig(
                Fn_compute_blocks=front, Bn_compute_blocks=back, max_warmup_steps=2
            )
            cache_dit.enable_cache(adapter, config, TaylorSeerCalibratorConfig())
            for _ in range(4):
                torch.testing.assert_close(model(states), plain, rtol=1e-12, atol=1e-12)
            (stats,) = cache_dit.summary(model, logging=False)
            assert stats.cached_steps == ([] if front + back == DEPTH else [2, 3])
            cache_dit.disable_cache(model)
