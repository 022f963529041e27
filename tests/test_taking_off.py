"""What cannot be taken off stays alone, and is named; what cannot be put on changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import (
    BlockAdapter,
    DBCacheConfig,
    ForwardPattern,
    ParallelismConfig,
    PatchFunctor,
    disable_cache,
    enable_cache,
    summary,
)
from cache_dit.parallelism import parallelism_of
from cache_dit.undo import Undo
from cache_dit.verify import zoo
from cache_dit.verify.traces import differences, traces
from tests.caching.toys import GainTransformer

CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)
NAME = "FluxTransformer2DModel"


class Two:
    """What holds two transformers."""

    def __init__(self) -> None:
        self.transformer, self.transformer_2 = GainTransformer(), GainTransformer()

    def adapter(self, **options: Any) -> BlockAdapter:
        both = [self.transformer, self.transformer_2]
        patterns = [ForwardPattern.Pattern_3] * 2
        blocks = [each.blocks for each in both]
        return BlockAdapter(
            pipe=self, transformer=both, blocks=blocks, forward_pattern=patterns, **options
        )


def on_top(block: nn.Module) -> type:
    """Another library replaces a block's class; gives what it replaced."""
    below = type(block)
    block.__class__ = type("Foreign", (below,), {})
    return below


@pytest.mark.parametrize("stuck", [0, 1])
def test_one_transformer_that_cannot_be_restored_does_not_keep_the_other(stuck: int) -> None:
    pipe = Two()
    both = [pipe.transformer, pipe.transformer_2]
    before = [traces(each) for each in both]
    enable_cache(pipe.adapter(), CONFIG)
    below = on_top(both[stuck].blocks[2])
    said = r"the cache of GainTransformer could not be taken off; all else is off\. .*Foreign: its"
    with pytest.raises(RuntimeError, match=said):
        disable_cache(pipe)
    assert not differences(before[1 - stuck], traces(both[1 - stuck]))
    both[stuck].at(1.0)
    assert both[stuck].at(1.0)[1] == [0]  # still cached, as a whole
    both[stuck].blocks[2].__class__ = below
    disable_cache(pipe)
    assert both[stuck].at(1.0)[1] == [0, 1, 2, 3]
    left = differences(before[stuck], traces(both[stuck]))
    assert all(each.endswith(".ran") for each in left)  # the toy's own log
    assert summary(pipe, logging=False) == []


class Reluctant(Undo):
    """Fails the first time."""

    tries = 0

    def __call__(self) -> None:
        self.tries += 1
        if self.tries == 1:
            raise KeyError("notes")
        super().__call__()


class Clumsy(PatchFunctor):
    """Leaves something that cannot be taken back the first time."""

    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        transformer.notes = {"before": 1}
        return transformer

    def apply_undoably(self, transformer: nn.Module) -> Undo:
        undo = Reluctant(transformer)
        self.apply(transformer)
        undo.settle()
        return undo


def test_what_a_patch_leaves_is_named_and_goes_the_second_time() -> None:
    model = GainTransformer()
    before = traces(model)
    enable_cache(model.adapter(patch_functor=Clumsy()), CONFIG)
    with pytest.raises(RuntimeError, match=r"The cache of GainTransformer: KeyError: 'notes'"):
        disable_cache(model)
    assert differences(before, traces(model)) == {".notes"}
    disable_cache(model)
    assert not differences(before, traces(model))


class Doubled(PatchFunctor):
    """Gives a block a forward of its own and another layer, and counts its calls on the model."""

    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        block = transformer.blocks[2]
        below = block.forward
        transformer.calls = 0

        def forward(hidden_states: torch.Tensor) -> torch.Tensor:
            transformer.calls += 1
            return 2 * below(hidden_states)

        block.forward = forward
        block.linear = copy.deepcopy(block.linear)
        return transformer


def replace_forward(block: nn.Module) -> Callable[[], None]:
    """As accelerate does it; gives what undoes it."""
    below = block.forward
    block.forward = lambda *args: below(*args)
    return lambda: setattr(block, "forward", below)


def replace_layer(block: nn.Module) -> Callable[[], None]:
    """As peft does it; gives what undoes it."""
    below = block.linear
    block.linear = nn.Sequential(below)
    return lambda: setattr(block, "linear", below)


@pytest.mark.parametrize(
    ("replace", "said"),
    [
        (replace_forward, r"forward was replaced by .*\.replace_forward"),
        (replace_layer, "linear was"),
    ],
)
def test_code_that_was_put_over_that_of_a_patch_functor_must_come_off_first(
    replace: Callable[[nn.Module], Callable[[], None]], said: str
) -> None:
    model = GainTransformer()
    before = traces(model)
    enable_cache(model.adapter(patch_functor=Doubled()), CONFIG)
    undo = replace(model.blocks[2])
    with pytest.raises(RuntimeError, match=rf"GainTransformer\.blocks\.2: its {said}"):
        disable_cache(model)
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]  # cached, as a whole
    assert model.calls == 1
    undo()
    disable_cache(model)
    left = differences(before, traces(model))
    assert all(each.endswith(".ran") for each in left)


def test_parallelism_and_kernel_are_taken_off_where_the_cache_cannot_be() -> None:
    entry = zoo.get(NAME)
    model = entry.build(torch.float64)
    before = traces(model)
    enable_cache(model, CONFIG, parallelism_config=ParallelismConfig(ulysses_size=1))
    below = on_top(model.single_transformer_blocks[2])
    with pytest.raises(RuntimeError, match=f"the cache of {NAME} could not be taken off"):
        disable_cache(model)
    assert parallelism_of(model) == []
    model.single_transformer_blocks[2].__class__ = below
    disable_cache(model)
    assert not differences(before, traces(model))


def test_a_forward_that_was_replaced_afterwards_stays_and_all_else_goes() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    calls: list[int] = []
    below = model.blocks[2].forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        calls.append(2)
        return below(*args, **kwargs)

    model.blocks[2].forward = forward
    disable_cache(model)
    assert model.at(1.0)[1] == [0, 1, 2, 3]
    assert calls == [2]
    assert model.blocks[2].forward is forward
    assert {type(e) for e in model.modules()} == {type(e) for e in GainTransformer().modules()}


class OnlyTheFirst(PatchFunctor):
    """Takes one transformer and no other."""

    def __init__(self, first: nn.Module) -> None:
        self.first = first

    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        transformer.patched = True
        if transformer is not self.first:
            raise ArithmeticError
        return transformer


def test_where_the_second_transformer_fails_the_first_is_as_before() -> None:
    pipe = Two()
    both = [pipe.transformer, pipe.transformer_2]
    before = [traces(each) for each in both]
    with pytest.raises(ArithmeticError):
        enable_cache(pipe.adapter(patch_functor=OnlyTheFirst(both[0])), CONFIG)
    both[1].blocks = both[1].blocks[:1]
    with pytest.raises(ValueError, match="Fn_compute_blocks"):
        enable_cache(pipe.adapter(), DBCacheConfig(Fn_compute_blocks=2))
    assert not differences(before[0], traces(both[0]))
    assert not hasattr(both[1], "patched")
    assert summary(pipe, logging=False) == []
