"""U-Net skips: a block of the back half takes what its mirror image in the front half made."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import (
    BlockAdapter,
    DBCacheConfig,
    DBPruneConfig,
    ForwardPattern,
    TaylorSeerCalibratorConfig,
    enable_cache,
    summary,
)
from cache_dit.verify import zoo

ENTRY = zoo.get("HunyuanDiT2DModel")
SIZE = 8
STEPS, WARMUP = 5, 3


@pytest.fixture(scope="module")
def expected() -> torch.Tensor:
    return ENTRY.build()(**ENTRY.inputs()).sample


def counted(model: nn.Module) -> Counter[int]:
    ran: Counter[int] = Counter()
    for index, block in enumerate(model.blocks):
        block.register_forward_hook(lambda *_, index=index: ran.update([index]))
    return ran


@pytest.mark.parametrize(
    ("front", "behind"), [(f, b) for f in range(1, SIZE + 1) for b in range(SIZE + 1 - f)]
)
def test_every_front_and_tail(expected: torch.Tensor, front: int, behind: int) -> None:
    model = ENTRY.build()
    ran = counted(model)
    config = DBCacheConfig(
        Fn_compute_blocks=front, Bn_compute_blocks=behind, max_warmup_steps=WARMUP
    )
    enable_cache(model, config, TaylorSeerCalibratorConfig(taylorseer_order=2))
    for _ in range(STEPS):
        found = model(**ENTRY.inputs()).sample
        assert (found - expected).abs().max() < 2e-5 * expected.abs().max()
    may_skip = range(front, SIZE - behind)
    assert ran == {i: WARMUP if i in may_skip else STEPS for i in range(SIZE)}
    assert summary(model, logging=False)[0].cached_steps == ([3, 4] if may_skip else [])


@pytest.mark.parametrize("behind", [0, 1, 3])
def test_pruned_blocks(expected: torch.Tensor, behind: int) -> None:
    model = ENTRY.build()
    config = DBPruneConfig(Fn_compute_blocks=1, Bn_compute_blocks=behind, max_warmup_steps=WARMUP)
    enable_cache(model, config)
    for _ in range(STEPS):
        found = model(**ENTRY.inputs()).sample
        assert (found - expected).abs().max() < 2e-5 * expected.abs().max()
    assert summary(model, logging=False)[0].pruned_blocks == [0, 0, 0, 7 - behind, 7 - behind]


class Writing(nn.Module):
    """A block that writes into its input, and takes a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(
        self, hidden_states: torch.Tensor, skip: torch.Tensor | None = None
    ) -> torch.Tensor:
        if skip is not None:
            hidden_states = hidden_states + 0.5 * skip
        hidden_states += torch.tanh(self.linear(hidden_states))
        return hidden_states


class SmallUNet(nn.Module):
    """Blocks that write in place; what is kept for later is a copy, so that it stays as it was."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Writing() for _ in range(SIZE))

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        states, kept = hidden_states.clone(), []
        for index, block in enumerate(self.blocks):
            skip = kept.pop() if index >= SIZE // 2 else None
            states = block(states, skip=skip)
            if index < SIZE // 2:
                kept.append(states.clone())
        return states


@pytest.mark.parametrize("behind", range(SIZE - 1))
def test_blocks_that_write_into_their_input(behind: int) -> None:
    model = SmallUNet().double()
    inputs: Any = torch.randn(2, 3, 4, dtype=torch.float64)
    with torch.no_grad():
        expected = model(inputs)
        enable_cache(
            BlockAdapter(
                transformer=model,
                blocks=model.blocks,
                forward_pattern=ForwardPattern.Pattern_3,
                long_skip="skip",
            ),
            DBCacheConfig(Fn_compute_blocks=1, Bn_compute_blocks=behind, max_warmup_steps=WARMUP),
        )
        for _ in range(STEPS):
            assert torch.allclose(model(inputs), expected, rtol=1e-10)
    assert summary(model, logging=False)[0].cached_steps == [3, 4]
