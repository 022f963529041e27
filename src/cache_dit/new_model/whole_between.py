"""A loop that uses a second stream whole: it is split for each block, and gathered behind it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch

from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.caching.forward_pattern import ENCODER
from cache_dit.new_model.facts import Facts, stream
from cache_dit.parallelism import gather


def whole_between_blocks(facts: Facts, plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan with its second stream whole between blocks; empty where the loop has no use of it.

    Args:
        facts: the model.
        plan: splits both streams before the first block, and gathers them behind the last one.
    """
    start, end = f"{facts.lists[0].name}.0", f"{facts.running[-1]}.-1" if facts.running else ""
    splits = plan.get(start, {})
    seconds = {each.name: _second(facts, each) for each in facts.lists}
    own = [
        plan.get(f"{each.name}.*", {}) for each in facts.lists
    ]  # a tuple: they attend themselves
    usable = set(seconds.values()) <= set(splits) and all(isinstance(each, dict) for each in own)
    if not usable or not _loop_changes_the_first_stream(facts):
        return {}
    changed = {**plan, start: {k: how for k, how in splits.items() if k not in seconds.values()}}
    for each, arguments in zip(facts.lists, own, strict=True):
        how, name = splits[seconds[each.name]], seconds[each.name]
        behind = {int(each.pattern.Return_H_First): gather(how.dim, name)}
        changed[f"{each.name}.*"] = {name: how, **arguments, **behind}
    if isinstance(gathers := plan.get(end), list):
        changed[end] = {n: one for n, one in enumerate(gathers) if one.of[0] in changed[start]}
    return changed


def _second(facts: Facts, each: BlockList) -> str:
    """The parameter of a stream beside the first that blocks take and return; empty for none."""
    calls = facts.calls(each)
    found = stream(calls[0], each, ENCODER) if calls else None
    in_and_out = ENCODER in each.pattern.In and ENCODER in each.pattern.Out
    return found[0] if found is not None and in_and_out else ""


def _loop_changes_the_first_stream(facts: Facts) -> bool:
    """Whether something happens to it between two blocks."""
    calls = [(call, each) for each in facts.lists for call in facts.calls(each)]
    for (call, each), (later, following) in pairwise(sorted(calls, key=lambda c: c[0].number)):
        output, taken = call.output, stream(later, following)
        if isinstance(output, (list, tuple)):
            output = output[0 if each.pattern.Return_H_First else -1]
        if taken is None or not isinstance(output, torch.Tensor):
            continue
        if output.shape == taken[1].shape and not torch.equal(output, taken[1]):
            return True
    return False
