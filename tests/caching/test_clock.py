"""What step a call belongs to, from a scheduler's counter or from the timestep."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from cache_dit.caching.clock import Clock, Tick
from cache_dit.caching.denoiser import Denoiser
from tests.caching.toys import GainTransformer


def ticks(*timesteps: Any, may_read: bool = True) -> list[Tick]:
    clock = Clock()
    return [clock.tick(None, each, may_read=may_read) for each in timesteps]


def test_equal_timesteps_are_one_step_and_falling_ones_are_the_next() -> None:
    assert ticks(9.0, 9.0, 5.0, 5.0, 1.0)[1:] == [Tick.SAME, Tick.NEXT, Tick.SAME, Tick.NEXT]
    assert ticks(0.0, 0.5, 0.9)[1:] == [Tick.NEXT, Tick.NEXT]


@pytest.mark.parametrize("schedule", [[9.0, 5.0, 1.0], [0.0, 0.5, 1.0]])
def test_a_jump_back_is_a_new_run(schedule: list[float]) -> None:
    assert ticks(*schedule, *schedule)[3:] == [Tick.RESTART, Tick.NEXT, Tick.NEXT]


def test_timesteps_of_every_kind_are_compared_by_value() -> None:
    one = [torch.tensor([9.0]), torch.tensor(9), torch.tensor([9.0, 9.0]), 9]
    two = [torch.tensor(5, dtype=torch.bfloat16), 5.0]
    found = ticks(*one, *two)
    assert found[1:] == [Tick.SAME] * 3 + [Tick.NEXT, Tick.SAME]


@pytest.mark.parametrize("other", [None, "9", [9.0], np.array([9.0, 9.0])])
def test_nothing_can_be_told_without_a_timestep(other: Any) -> None:
    assert ticks(other, other, 3.0, other) == [Tick.UNKNOWN] * 4
    assert ticks(np.float32(3.0), 3.0, np.int64(2))[1:] == [Tick.SAME, Tick.NEXT]


def test_a_buffer_that_is_written_to_is_told_from_one_that_is_not() -> None:
    """Servers that replay CUDA graphs write every timestep into the same tensor."""
    buffer = torch.tensor([9.0])
    clock = Clock()
    found = [clock.tick(None, buffer.expand(2), may_read=True)]
    for value in (9.0, 5.0, 5.0, 1.0):
        buffer.fill_(value)
        found.append(clock.tick(None, buffer.expand(2), may_read=True))
    assert found[1:] == [Tick.SAME, Tick.NEXT, Tick.SAME, Tick.NEXT]
    assert clock.tick(None, buffer.expand(2), may_read=True) is Tick.SAME


def test_a_scheduler_with_a_counter_is_believed_over_the_timestep() -> None:
    scheduler, clock = SimpleNamespace(step_index=None), Clock()
    found = []
    for index, timestep in ((None, 9.0), (None, 9.0), (1, 9.0), (1, 2.0), (2, 2.0), (None, 2.0)):
        scheduler.step_index = index
        found.append(clock.tick(scheduler, timestep, may_read=True))
    assert found[1:] == [Tick.SAME, Tick.NEXT, Tick.SAME, Tick.NEXT, Tick.RESTART]


def branches(model: GainTransformer, calls: list[float | None], **settings: Any) -> list[str]:
    denoiser = Denoiser(model, separate_cfg=True, **settings)
    names = []
    for timestep in calls:
        denoiser.begin_call((), {} if timestep is None else {"timestep": timestep})
        names.append(f"{denoiser.branch} {denoiser.step}")
    return names


def test_order_tells_the_branches_apart_where_nothing_else_does() -> None:
    model = GainTransformer()
    assert branches(model, [None] * 4) == ["cond 0", "uncond 0", "cond 1", "uncond 1"]
    assert branches(model, [None] * 3, unconditional_first=True) == [
        "uncond 0",
        "cond 0",
        "uncond 1",
    ]


def test_a_step_without_guidance_does_not_shift_the_branches() -> None:
    calls: list[float | None] = [9.0, 9.0, 7.0, 5.0, 5.0, 3.0]
    assert branches(GainTransformer(), calls) == [
        "cond 0",
        "uncond 0",
        "cond 1",
        "cond 2",
        "uncond 2",
        "cond 3",
    ]


def test_guidance_that_is_off_leaves_one_branch() -> None:
    calls: list[float | None] = [9.0, 7.0, 5.0]
    assert branches(GainTransformer(), calls) == ["cond 0", "cond 1", "cond 2"]


@pytest.mark.parametrize(
    ("name", "unconditional"),
    [
        ("cond", False),
        ("uncond", True),
        ("cond_uncond", False),
        ("pred_cond", False),
        ("pred_uncond", True),
        ("uncond_stg", True),
        ("uncond_modality", True),
        ("", False),
        ("perturbed", False),
    ],
)
def test_branches_are_known_by_the_names_that_pipelines_give_them(
    name: str, unconditional: bool
) -> None:
    assert Denoiser.is_unconditional(name) is unconditional
