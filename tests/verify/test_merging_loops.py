"""Loops that merge what early blocks took before late ones: what is refused, and what is proven."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cache_dit import BlockAdapter, DBCacheConfig, ForwardPattern, disable_cache, enable_cache
from cache_dit.verify import check_cache
from cache_dit.verify.settings import Setting

WIDTH = 4


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)

    def forward(self, hidden_states: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
        return hidden_states + torch.tanh(self.linear(hidden_states)) * time


class Tide(nn.Module):
    def __init__(self, depth: int = 6) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(depth)])
        self.merge = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        kept, states, count = [], sample, len(self.blocks)
        for index in range(count):
            if index < count // 2:
                kept.append(states)
            else:
                states = self.merge(torch.cat([states, kept.pop()], -1))
            states = self.blocks[index](states, timestep / 1000)
        return states


def adapter(**facts: bool) -> BlockAdapter:
    torch.manual_seed(0)
    return BlockAdapter(
        transformer=Tide().double().requires_grad_(False),
        blocks_name="blocks",
        forward_pattern=ForwardPattern.Pattern_3,
        **facts,
    )


def inputs(step: float, seed: int) -> dict[str, torch.Tensor]:
    source = torch.Generator().manual_seed(seed)
    sample, way = torch.randn(2, 1, 5, WIDTH, generator=source, dtype=torch.float64)
    return {"sample": sample + 0.02 * step * way, "timestep": torch.tensor(900.0 - step).double()}


def test_a_tail_past_the_mirror_is_found_wrong_and_the_advice_says_what_to_do() -> None:
    report = check_cache(adapter(), inputs)
    assert report.ok is False
    assert report.failures[0].setting == "reuse F1B3 hold"
    assert "merges_early=True" in report.reason


@pytest.mark.parametrize("every", [False, True])
def test_with_that_said_all_that_is_allowed_is_exact(every: bool) -> None:
    report = check_cache(adapter(merges_early=True), inputs, every_setting=every)
    assert report.ok, str(report)
    assert any("F2B2" in finding.setting for finding in report.findings) or not every
    assert not any(finding.setting == "reuse F1B3 hold" for finding in report.findings)


def test_a_tail_longer_than_the_front_is_refused_and_nothing_is_touched() -> None:
    target = adapter(merges_early=True)
    with pytest.raises(ValueError, match=r"Bn_compute_blocks=2 is more than Fn_compute_blocks=1"):
        enable_cache(target, DBCacheConfig(Fn_compute_blocks=1, Bn_compute_blocks=2))
    assert type(target.transformer) is Tide
    for front, behind in ((2, 2), (1, 1), (1, 5)):  # the last one skips nothing
        enable_cache(target, DBCacheConfig(Fn_compute_blocks=front, Bn_compute_blocks=behind))
        disable_cache(target)


def test_what_fits_a_merging_loop() -> None:
    assert Setting(2, 2).fits(6) and Setting(1, 5).fits(6) and Setting(1, 3, prunes=True).fits(6)
    assert not Setting(1, 2).fits(6)
