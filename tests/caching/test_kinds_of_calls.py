"""Calls that are no denoising step, calls of another kind, and the many names of the time."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import cache_dit
from cache_dit import BlockAdapter, CacheStats, DBCacheConfig, ForwardPattern
from cache_dit.caching.policy import Reason

STATES = torch.ones(1, 3, 4)


class Block(nn.Module):
    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return 1.5 * hidden_states


class Transformer(nn.Module):
    """Its time has no common name; it may be asked to keep keys, or to leave things out."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(4))

    def forward(
        self,
        hidden_states: torch.Tensor,
        noise_time: float | None = None,
        mode: str | None = None,
        perturbed: bool | None = None,
    ) -> torch.Tensor:
        for block in self.blocks:
            hidden_states = block(hidden_states)
        return hidden_states


def stats_of(calls: list[dict[str, Any]], **facts: Any) -> CacheStats:
    """What was done at these calls, where everything that may be reused is."""
    model = Transformer()
    adapter = BlockAdapter(
        transformer=model,
        blocks=model.blocks,
        forward_pattern=ForwardPattern.Pattern_3,
        compute_when=lambda call: call.get("mode") == "write",
        **facts,
    )
    config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1, residual_diff_threshold=1.0)
    cache_dit.enable_cache(adapter, config)
    for call in calls:
        model(STATES, **call)
    (stats,) = cache_dit.summary(model, logging=False)
    return stats


def steps(*times: float) -> list[dict[str, Any]]:
    return [{"noise_time": time} for time in times]


def test_a_call_that_fills_a_cache_computes_and_is_no_step() -> None:
    write = {"noise_time": 0.0, "mode": "write"}
    stats = stats_of([write, *steps(0.9, 0.8), write, *steps(0.7)])
    assert [each.reason for each in stats.decisions["cache_write"]] == [Reason.CACHE_WRITE] * 2
    assert [each.step for each in stats.decisions[""]] == [0, 1, 2]
    assert stats.cached_steps == [1, 2]


def test_a_call_that_fills_a_cache_does_not_turn_conditional_and_unconditional_around() -> None:
    write = {"noise_time": 0.9, "mode": "write"}
    pairs = [*steps(0.9, 0.9), *steps(0.8, 0.8)]
    stats = stats_of([write, *pairs[:2], write, *pairs[2:]], has_separate_cfg=True)
    assert {name: len(each) for name, each in stats.decisions.items()} == {
        "cache_write": 2,
        "cond": 2,
        "uncond": 2,
    }


def test_an_argument_makes_a_branch_where_it_is_given_and_not_false() -> None:
    kinds: list[dict[str, Any]] = [
        {"perturbed": None},
        {"perturbed": False},
        {"perturbed": True},
        {},
    ]
    calls: list[dict[str, Any]] = [
        {"noise_time": 0.9 - 0.1 * index, **kind} for index, kind in enumerate(kinds)
    ]
    stats = stats_of(calls, branch_on=("perturbed",))
    assert {name: len(each) for name, each in stats.decisions.items()} == {"": 3, "+perturbed": 1}


def test_a_run_begins_anew_where_a_time_of_any_name_jumps_back() -> None:
    stats = stats_of(steps(0.9, 0.6, 0.3, 0.9, 0.6))
    assert [each.reason for each in stats.decisions[""]] == [Reason.WARMUP, Reason.ALWAYS]


def test_arguments_that_are_no_tensors_may_come_and_go() -> None:
    calls = [*steps(0.9), {"noise_time": 0.8, "perturbed": False}, *steps(0.7)]
    assert stats_of(calls).cached_steps == [1, 2]
