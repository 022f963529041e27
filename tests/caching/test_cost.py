"""What caching costs beside the blocks that run: calls, operators, and memory. No clock is read."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import cache_dit
from cache_dit import (
    BlockAdapter,
    CalibratorConfig,
    DBCacheConfig,
    FoCaCalibratorConfig,
    ForwardPattern,
    TaylorSeerCalibratorConfig,
    enable_cache,
    refresh_context,
    summary,
)

OURS = str(Path(cache_dit.__file__).parent)
WARMUP, WIDTH = 3, 4
HANDED_ON = ("Pattern_0", "Pattern_1", "Pattern_2", "Pattern_3")
MADE_INSIDE = ("Pattern_4", "Pattern_5")  # the text states come out of blocks they do not go into


class Block(nn.Module):
    """Returns what its pattern says; to look at it, which is ours, would be counted."""

    def __init__(self, pattern: ForwardPattern) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(WIDTH))
        self.single, self.hidden_first = pattern.Return_H_Only, pattern.Return_H_First

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor | None = None
    ) -> Any:
        hidden = hidden_states + self.weight
        if self.single:
            return hidden
        text = (hidden if encoder_hidden_states is None else encoder_hidden_states) * self.weight
        return (hidden, text) if self.hidden_first else (text, hidden)


class Loop(nn.Module):
    """A loop over such blocks."""

    def __init__(self, size: int, pattern: ForwardPattern, by_keyword: bool = True) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(pattern) for _ in range(size))
        self.pattern, self.by_keyword, self.alone = pattern, by_keyword, pattern.Forward_H_only

    def forward(
        self, hidden_states: torch.Tensor, encoder_hidden_states: torch.Tensor
    ) -> torch.Tensor:
        hidden, text = hidden_states, encoder_hidden_states
        for block in self.blocks:
            if self.by_keyword:
                given = {} if self.alone else {"encoder_hidden_states": text}
                out = block(hidden_states=hidden, **given)
            else:
                out = block(hidden) if self.alone else block(hidden, text)
            if block.single:
                hidden = out
            else:
                hidden, text = out if block.hidden_first else out[::-1]
        return hidden


class Cached:
    """A loop under cache, at the end of its warm-up; every later step is a reused one."""

    def __init__(
        self,
        size: int = 6,
        pattern: str = "Pattern_1",
        policy: str = "static",
        calibrator: CalibratorConfig | None = None,
        by_keyword: bool = True,
    ) -> None:
        self.model = Loop(size, ForwardPattern[pattern], by_keyword)
        self.inputs = {
            "hidden_states": torch.randn(2, 5, WIDTH),
            "encoder_hidden_states": torch.randn(2, 3, WIDTH),
        }
        adapter = BlockAdapter(
            transformer=self.model,
            blocks=self.model.blocks,
            forward_pattern=ForwardPattern[pattern],
        )
        config = DBCacheConfig(
            Fn_compute_blocks=1,
            max_warmup_steps=WARMUP,
            steps_computation_mask=[1] * WARMUP + [0] * 20 if policy == "static" else None,
            steps_computation_policy=policy,
        )
        enable_cache(adapter, config, calibrator)
        for _ in range(WARMUP):
            self.step()

    def step(self) -> torch.Tensor:
        with torch.no_grad():
            return self.model(**self.inputs)

    @property
    def reused(self) -> bool:
        """Whether the last step was."""
        return summary(self.model, logging=False)[0].decisions[""][-1].reused


def calls_of_ours(step: Callable[[], Any]) -> int:
    """How many Python functions of the package ``step`` calls."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call" and frame.f_code.co_filename.startswith(OURS)

    sys.setprofile(note)
    try:
        step()
    finally:
        sys.setprofile(None)
    return count


def calls_per_block(*, reused: bool, **options: Any) -> float:
    """How many more calls of ours a step makes for each further block."""
    found = []
    for size in (6, 16):
        cached = Cached(size, **options)
        cached.step()
        if not reused:
            cached.model.blocks[0].weight.data += 3  # what the head adds is another now
        found.append(calls_of_ours(cached.step))
        assert cached.reused is reused
    return (found[1] - found[0]) / 10


@pytest.mark.parametrize("policy", ["static", "dynamic"])
@pytest.mark.parametrize("by_keyword", [True, False])
@pytest.mark.parametrize("pattern", HANDED_ON)
def test_a_skipped_block_is_three_calls(pattern: str, by_keyword: bool, policy: str) -> None:
    """The interception, what runs around the block, and what hands its streams on."""
    given = {"pattern": pattern, "by_keyword": by_keyword, "policy": policy}
    assert calls_per_block(reused=True, **given) == 3


@pytest.mark.parametrize("pattern", MADE_INSIDE)
def test_a_skipped_block_that_makes_its_text_states_is_five_calls(pattern: str) -> None:
    assert calls_per_block(reused=True, pattern=pattern) == 5


@pytest.mark.parametrize("pattern", [*HANDED_ON, *MADE_INSIDE])
def test_a_computed_block_is_four_calls(pattern: str) -> None:
    """The interception, what runs around the block, the region, and a look at what came out."""
    assert calls_per_block(reused=False, pattern=pattern, policy="dynamic") == 4


@pytest.mark.parametrize(("policy", "most"), [("static", 75), ("dynamic", 95)])
def test_a_reused_step_is_few_calls_beside_its_blocks(policy: str, most: int) -> None:
    cached = Cached(3, policy=policy, calibrator=TaylorSeerCalibratorConfig(taylorseer_order=1))
    cached.step()
    assert calls_of_ours(cached.step) <= most


class Operators(TorchDispatchMode):
    """Counts the operators that run, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **kwargs or {})


def operators_of_ours(cached: Cached, blocks: int) -> dict[str, int]:
    """What a step runs beside the operators of a model that has only that many blocks."""
    alone = Loop(blocks, cached.model.pattern)
    with Operators() as plain, torch.no_grad():
        alone(**cached.inputs)
    with Operators() as found:
        cached.step()
    found.counts.subtract(plain.counts)
    return {name: n for name, n in found.counts.items() if n and name != "detach"}


@pytest.mark.parametrize("size", [3, 12])
@pytest.mark.parametrize(
    ("calibrator", "sums"),
    [
        (None, {"add": 2}),
        (TaylorSeerCalibratorConfig(taylorseer_order=1), {"add": 2, "add_": 2}),
        (FoCaCalibratorConfig(), {"add": 2, "add_": 4}),
    ],
)
def test_a_reused_step_computes_one_weighted_sum_for_each_stream(
    calibrator: CalibratorConfig | None, sums: dict[str, int], size: int
) -> None:
    assert operators_of_ours(Cached(size, calibrator=calibrator), blocks=1) == sums


def test_a_dynamic_decision_adds_two_differences_and_a_sum() -> None:
    """What the change is relative to is measured with the first decision, and kept."""
    cached = Cached(policy="dynamic")
    first, second, third = (operators_of_ours(cached, blocks=1) for _ in range(3))
    assert second == third == {"add": 2, "sub": 2, "abs_": 1, "sum": 1}
    assert first == {**second, "abs": 1, "sum": 2, "stack": 1}


@pytest.mark.parametrize(("policy", "differences"), [("static", 2), ("dynamic", 3)])
def test_a_computed_step_adds_one_difference_for_each_stream(policy: str, differences: int) -> None:
    """And one for what later changes are measured against, where there can be any."""
    cached = Cached(policy=policy)
    refresh_context(cached.model)
    assert operators_of_ours(cached, blocks=6) == {"sub": differences}
    assert not cached.reused


def living() -> dict[int, torch.Tensor]:
    gc.collect()
    return {id(each): each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)}


@pytest.mark.parametrize("reused", [0, 3])
@pytest.mark.parametrize("policy", ["static", "dynamic"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_tensors_held_are_the_snapshots_and_the_reference(
    order: int, policy: str, reused: int
) -> None:
    taylor = TaylorSeerCalibratorConfig(taylorseer_order=order)
    before = living()
    cached = Cached(policy=policy, calibrator=taylor)
    for _ in range(reused):
        cached.step()
    given = [id(each) for each in (*cached.inputs.values(), *cached.model.parameters())]
    held = [each for key, each in living().items() if key not in before and key not in given]
    hidden, text = (each.shape for each in cached.inputs.values())
    expected = [hidden, text] * (order + 1) + [hidden] * (policy == "dynamic")
    assert sorted(each.shape for each in held) == sorted(expected)
    size = sum(each.untyped_storage().nbytes() for each in held)
    assert summary(cached.model, logging=False)[0].held_bytes == size
