"""Interception and other libraries that swap an object's class: below it, and on top of it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from cache_dit.intercept import intercept
from tests.test_intercept import ONE, Doubler, adding


def foreign(module: nn.Module) -> type:
    """Put a class on top, as FSDP2 and `parametrize` do; returns the class below."""
    below = type(module)
    module.__class__ = type(f"Foreign{below.__name__}", (below,), {})
    return below


def test_a_class_swapped_on_top_must_come_off_first() -> None:
    module = Doubler()
    layer = intercept(module, __call__=adding(1))
    below = foreign(module)
    assert module(ONE) == 3
    with pytest.raises(RuntimeError, match=r"ForeignDoubler: its class was replaced .* Undo that"):
        layer.release()
    assert module(ONE) == 3
    module.__class__ = below
    layer.release()
    assert type(module) is Doubler


def test_copies_work_with_a_class_swapped_on_top() -> None:
    module = Doubler()
    intercept(module, __call__=adding(1))
    foreign(module)
    made = copy.deepcopy(module)
    assert type(made) is type(module)
    assert made(ONE) == 2


def test_a_class_that_was_swapped_before_is_restored() -> None:
    module = Doubler()
    foreign(module)
    swapped = type(module)
    layer = intercept(module, __call__=adding(1))
    assert module(ONE) == 3
    layer.release()
    assert type(module) is swapped


class Negated(nn.Module):
    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return -weight


def test_parametrizations_below_are_kept() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.ones_(module.weight)
    parametrize.register_parametrization(module, "weight", Negated())
    swapped = type(module)
    layer = intercept(module, __call__=adding(1))
    assert module(torch.ones(1)).item() == 0
    layer.release()
    assert type(module) is swapped
    parametrize.remove_parametrizations(module, "weight")
    assert type(module) is nn.Linear


def test_a_parametrization_on_top_gives_the_clear_error() -> None:
    module = nn.Linear(1, 1, bias=False)
    layer = intercept(module, __call__=adding(1))
    parametrize.register_parametrization(module, "weight", Negated())
    with pytest.raises(RuntimeError, match="its class was replaced"):
        layer.release()
    parametrize.remove_parametrizations(module, "weight")
    layer.release()
    assert type(module) is nn.Linear
