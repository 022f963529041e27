"""What is known about a model: its block lists in the order in which they run, and its streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from cache_dit import BlockAdapter, BlockAdapterRegister
from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.caching.forward_pattern import ENCODER, HIDDEN, ForwardPattern
from cache_dit.intercept import original_class
from cache_dit.new_model.watch import Call, Watched, watch
from cache_dit.new_model.watched_lists import lists_between, watched_lists


@dataclass
class Facts:
    """A model that was looked at.

    Attributes:
        model: it.
        lists: its block lists, in the order in which they run.
        seen: one call of it, watched.
    """

    model: nn.Module
    lists: list[BlockList]
    seen: Watched

    @classmethod
    def of(cls, model: nn.Module, arguments: Mapping[str, Any], later: Mapping[str, Any]) -> Facts:
        """Find the block lists and watch a call.

        Args:
            model: it.
            arguments: of a call.
            later: of a call at another step: what is denoised has changed.

        Raises:
            ValueError: no block list could be found.
        """
        seen = watch(model, arguments)
        found = _lists(model, seen)
        numbers = {each.name: _first_number(seen, each.name) for each in found}
        lists = sorted(found, key=lambda each: numbers[each.name])
        facts = cls(model, lists, seen)
        then = cls(model, lists, watch(model, later))
        facts.lists = [_denoised_first(each, facts, then) for each in lists]
        return facts

    @property
    def class_name(self) -> str:
        """Of the model."""
        return original_class(self.model).__name__

    def calls(self, each: BlockList) -> list[Call]:
        """The calls of a list's blocks, in order."""
        names = {f"{each.name}.{place}" for place in self.places(each)}
        found = [call for call in self.seen.calls if call.name in names]
        return sorted(found, key=lambda call: call.number)

    def places(self, each: BlockList) -> list[str]:
        """Keys of the blocks in their list."""
        return [name for name, _ in self.model.get_submodule(each.name).named_children()]

    @cached_property
    def running(self) -> list[str]:
        """Names of the lists, one for each block, in the order in which the blocks run."""
        calls = [(call.number, each.name) for each in self.lists for call in self.calls(each)]
        return [name for _, name in sorted(calls)]


def stream(call: Call, each: BlockList, which: str = HIDDEN) -> tuple[str, torch.Tensor] | None:
    """Parameter and value of a stream that goes into a block; None where there is none."""
    default = next(iter(call.arguments)) if which == HIDDEN else ENCODER
    name = (each.parameters or {}).get(which, which if which in call.arguments else default)
    value = call.arguments.get(name)
    return (name, value) if isinstance(value, torch.Tensor) else None


def _lists(model: nn.Module, seen: Watched) -> list[BlockList]:
    """As the source of the model's loop says; or else as is seen, or as was registered."""
    try:
        (found,) = BlockAdapter(transformer=model, auto=True).transformers()
        return found.lists + lists_between(model, seen, found.lists)
    except ValueError:
        if watched := watched_lists(model, seen):
            return watched + lists_between(model, seen, watched)
        if not BlockAdapterRegister.is_supported(model):
            raise
        (found,) = BlockAdapterRegister.get_adapter(model).transformers()
    return found.lists


SWAPPED = {
    ForwardPattern.Pattern_0: ForwardPattern.Pattern_1,
    ForwardPattern.Pattern_1: ForwardPattern.Pattern_0,
}


def _denoised_first(each: BlockList, now: Facts, then: Facts) -> BlockList:
    """The list, with its streams the other way round if only the second one depends on the step."""
    if each.pattern not in SWAPPED or not (calls := now.calls(each)):
        return each
    changed = []
    for which in (HIDDEN, ENCODER):
        pair = [stream(facts.calls(each)[0], each, which) for facts in (now, then)]
        values = [found[1] for found in pair if found is not None]
        changed.append(len(values) == 2 and not torch.equal(*values))
    if changed != [False, True]:
        return each
    names = {which: stream(calls[0], each, which) for which in (HIDDEN, ENCODER)}
    other = {HIDDEN: ENCODER, ENCODER: HIDDEN}
    parameters = {other[which]: found[0] for which, found in names.items() if found is not None}
    return replace(each, pattern=SWAPPED[each.pattern], parameters=parameters)


def _first_number(seen: Watched, name: str) -> int:
    numbers = [call.number for call in seen.calls if call.name.startswith(f"{name}.")]
    return min(numbers, default=0)
