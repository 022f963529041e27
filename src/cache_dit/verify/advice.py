"""What to change in an adapter that fails: found by looking at the blocks, and by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from cache_dit import BlockAdapter, ForwardPattern
from cache_dit.verify.subject import Subject

Works = Callable[[Subject], bool]
TAIL = (
    "With a short tail reuse is exact. Where it is not with a larger Bn, the loop keeps what a "
    "skipped block returned and gives it to a block of the tail. If that block takes it as an "
    "argument, name it in long_skip; if the loop merges it before the block, set "
    "merges_early=True, and a tail longer than the front is refused."
)
AMOUNTS = {1: "one tensor", 2: "two tensors"}


def advise(subject: Subject, works: Works) -> str:
    """What to change so that reuse becomes exact, in a few sentences; empty where it is exact.

    Args:
        subject: the model whose adapter fails.
        works: whether reuse is exact with the adapter of a subject.
    """
    advice = [*_uncalled(subject), *_misfits(subject)]
    if works(subject):
        return " ".join(advice) or TAIL
    for change, adapter in _alternatives(subject):
        if works(subject.with_adapter(adapter)):
            return " ".join([*advice, f"With {change} reuse is exact: use that."])
    return " ".join(advice) or (
        "No other pattern, order or grouping of these lists makes reuse exact. Look for what "
        "reaches a block past its streams: a value kept on a module, a list, the output of an "
        "earlier block (long_skip), an argument that changes which blocks run (branch_on), a call "
        "that fills a key-value cache (compute_when)."
    )


def _uncalled(subject: Subject) -> Iterator[str]:
    for each in subject.lists:
        indices = range(len(each.references))
        if not any(subject.baseline.counts[each.name, index] for index in indices):
            yield (
                f"No block of {each.name!r} is called with these inputs (block.forward(...) does "
                "not count, since it cannot be intercepted)."
            )


def _misfits(subject: Subject) -> Iterator[str]:
    for each in subject.lists:
        returned, expected = _returned(subject, each.name), len(each.pattern.Out)
        if returned in (0, expected):
            continue
        fitting = [pattern.name for pattern in ForwardPattern if len(pattern.Out) == returned]
        yield (
            f"Block list {each.name!r} returns {AMOUNTS.get(returned, f'{returned} values')}; "
            f"{each.pattern.name} expects {AMOUNTS[expected]}: "
            + (f"use one of {', '.join(fitting)}." if fitting else "no pattern has that many.")
        )


def _returned(subject: Subject, name: str) -> int:
    """How many values a block of this list returns; 0 if none was called."""
    amounts = [call.returned for call in subject.baseline.calls if call.blocks == name]
    return amounts[0] if amounts else 0


def _alternatives(subject: Subject) -> Iterator[tuple[str, BlockAdapter]]:
    """Other descriptions of the same lists, the likeliest first."""
    patterns = {each.name: each.pattern for each in subject.lists}
    parameters = {each.name: dict(each.parameters or {}) for each in subject.lists}

    def adapter(patterns: dict[str, ForwardPattern], **changes: Any) -> BlockAdapter:
        return replace(
            subject.adapter,
            transformer=subject.transformer,
            blocks=None,
            blocks_name=list(patterns),
            forward_pattern=list(patterns.values()),
            stream_parameters=[parameters[name] for name in patterns],
            auto=False,
            **changes,
        )

    runs = [name for name, _ in groupby(call.blocks for call in subject.baseline.calls)]
    ordered = {name: patterns[name] for name in runs}
    if len(ordered) == len(patterns) and list(ordered) != list(patterns):
        names = ", ".join(ordered)
        yield f"the block lists in the order in which they run ({names})", adapter(ordered)
    if len(runs) > len(ordered) and not subject.adapter.interleaved:
        yield "interleaved=True", adapter(ordered, chained=False, interleaved=True)
    if len(patterns) > 1:
        chained = not subject.adapter.chained
        yield f"chained={chained}", adapter(patterns, chained=chained, interleaved=False)
    for name, own in patterns.items():
        for other in ForwardPattern:
            if other is not own and len(other.Out) == _returned(subject, name):
                yield f"{other.name} for {name!r}", adapter({**patterns, name: other})
