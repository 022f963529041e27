"""Block lists that are seen at work: each block is given what the one before it returned."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from cache_dit.caching.block_adapters.block_lists import BlockList, lists_of
from cache_dit.caching.forward_pattern import ENCODER, HIDDEN, ForwardPattern
from cache_dit.new_model.flow import hands_on
from cache_dit.new_model.watch import Call, Watched

LEAST = 0.3  # of all neighbours: between the others, something may be added or merged


def watched_lists(model: nn.Module, seen: Watched) -> list[BlockList]:
    """The lists whose blocks hand a stream on, whatever the loop over them looks like."""
    names: list[str] = []
    patterns, parameters = [], []
    for name, module in model.named_modules():
        if not isinstance(module, nn.ModuleList) or len(module) < 2:
            continue
        blocks = {f"{name}.{key}" for key, _ in module.named_children()}
        calls = sorted(
            (call for call in seen.calls if call.name in blocks), key=lambda call: call.number
        )
        streams = _streams(calls)
        if len(calls) < len(module) or not streams or any(p.startswith(name) for p in names):
            continue
        names.append(name)
        patterns.append(ForwardPattern.Pattern_0 if len(streams) > 1 else ForwardPattern.Pattern_3)
        parameters.append(dict(zip((HIDDEN, ENCODER), streams, strict=False)))
    return lists_of(model, None, names, patterns, None, parameters) if names else []


def lists_between(model: nn.Module, seen: Watched, known: list[BlockList]) -> list[BlockList]:
    """Lists whose blocks run between those of the known ones, attend, and change one stream.

    What they are given is made of what the others hand on: text and image in one row, for example.
    """
    calls = {call.name: call for call in seen.calls}
    blocks = [f"{each.name}.{place}" for each in known for place in each.places]
    others = [calls[name] for name in blocks if name in calls]
    names, parameters = [], []
    for name, module in model.named_modules():
        related = any(f"{b}.".startswith(f"{name}.") or name.startswith(f"{b}.") for b in blocks)
        if related or not isinstance(module, nn.ModuleList) or len(module) < 2:
            continue
        own = [calls[key] for key in (f"{name}.{n}" for n in range(len(module))) if key in calls]
        if own and all(seen.within(call.name) for call in own) and _between(own, others):
            names.append(name)
            parameters.append({HIDDEN: _changed(own[0])})
    pattern = ForwardPattern.Pattern_3
    return lists_of(model, None, names, [pattern] * len(names), None, parameters) if names else []


def _between(own: list[Call], others: list[Call]) -> bool:
    """Whether blocks run between others, and what they make of a stream goes on to those."""
    numbers = [call.number for call in others]
    if not min(numbers) < min(call.number for call in own) < max(numbers):
        return False
    following = [_next(call, others) for call in own]
    pairs = zip(own, following, strict=True)
    return all(_changed(call) and (each is None or hands_on(call, each)) for call, each in pairs)


def _next(call: Call, others: list[Call]) -> Call | None:
    """The call that comes next among others."""
    later = [each for each in others if each.number > call.number]
    return min(later, key=lambda each: each.number, default=None)


def _changed(call: Call) -> str:
    """The parameter that takes what a block changes: a tensor of its output's form."""
    shape = call.output.shape if isinstance(call.output, torch.Tensor) else ()
    for name, value in call.arguments.items():
        if isinstance(value, torch.Tensor) and value.shape == shape and len(shape) > 2:
            return name
    return ""


def _streams(calls: list[Call]) -> list[str]:
    """Parameters by which the outputs of a block go into the next one, in the outputs' order."""
    handed: Counter[tuple[int, str]] = Counter()
    for one, following in pairwise(calls):
        for place, output in enumerate(_outputs(one)):
            for name, value in following.arguments.items():
                handed[place, name] += _same(output, value)
    least = LEAST * (len(calls) - 1)
    places = range(len(_outputs(calls[0])) if calls else 0)
    best = [
        max(((n, name) for (p, name), n in handed.items() if p == place), default=(0, ""))
        for place in places
    ]
    return [name for count, name in best] if best and min(best)[0] >= max(least, 1) else []


def _outputs(call: Call) -> list[Any]:
    return list(call.output) if isinstance(call.output, (list, tuple)) else [call.output]


def _same(one: Any, other: Any) -> bool:
    tensors = isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)
    return tensors and one.shape == other.shape and torch.equal(one, other)
