"""What to change in an adapter that fails: found by looking at the blocks, and by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from cache_dit import BlockAdapter, ForwardPattern
from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.caching.block_adapters.turns import round_of
from cache_dit.caching.block_streams import BlockStreams
from cache_dit.caching.forward_pattern import ENCODER, HIDDEN
from cache_dit.verify.subject import Subject

Works = Callable[[Subject], bool]
Alternative = tuple[str, BlockAdapter]
"""What is changed, in words, and the adapter that has the change."""

TAIL = (
    "With a short tail reuse is exact. Where it is not with a larger Bn, the loop keeps what a "
    "skipped block returned and gives it to a block of the tail. If that block takes it as an "
    "argument, name it in long_skip; if the loop merges it before the block, set "
    "merges_early=True, and a tail longer than the front is refused."
)
PAST_THE_STREAMS = (
    "No other pattern, order or grouping of these lists makes reuse exact. Look for what reaches a "
    "block past its streams: a value kept on a module, a list, the output of an earlier block "
    "(long_skip), an argument that changes which blocks run (branch_on), a call that fills a "
    "key-value cache (compute_when)."
)
AMOUNTS = {1: "one tensor", 2: "two tensors"}


def advise(subject: Subject, works: Works, *, reuses: bool) -> str:
    """What to change so that an adapter is right, in a few sentences; empty where nothing is known.

    Args:
        subject: the model whose adapter fails.
        works: whether the adapter of a subject decides on the right stream and reuses exactly.
        reuses: whether this one reuses exactly, and only decides on the wrong stream.
    """
    if other := _another_list(subject, works):
        return other
    advice = [*_uncalled(subject), *_misfits(subject)]
    if works(subject):
        return " ".join(advice) or TAIL
    kinds = (_readings, _orders) if reuses else (_orders, _readings)
    for change, adapter in (each for kind in kinds for each in kind(subject)):
        if works(subject.with_adapter(adapter)):
            return " ".join(
                [*advice, f"With {change} reuse is exact and follows what is denoised: use that."]
            )
    judged = not reuses and _has_its_streams(subject)
    return " ".join(advice) or (PAST_THE_STREAMS if judged else "")


def _another_list(subject: Subject, works: Works) -> str:
    """What to do where the model's loop runs over other lists than the adapter's."""
    adapter = BlockAdapter(transformer=subject.transformer, auto=True, check_prefixes=False)
    try:
        (found,) = adapter.transformers()
    except ValueError:
        return ""
    names = [each.name for each in found.lists]
    if set(names) & {each.name for each in subject.lists}:
        return ""
    other = Subject(adapter, subject.make_inputs, subject.prefill)
    right = "With it reuse is exact and follows what is denoised."
    return (
        f"The loop of {type(subject.transformer).__name__} goes over {', '.join(map(repr, names))} "
        f"instead: use blocks_name={(names[0] if len(names) == 1 else names)!r}, "
        f"{', '.join(each.pattern.name for each in found.lists)}. "
        + (right if works(other) else advise(other, works, reuses=False))
    )


def _has_its_streams(subject: Subject) -> bool:
    """Whether the blocks take what the adapter names; without that no other reading was tried."""
    try:
        for each in subject.lists:
            BlockStreams(each.blocks[0], each.pattern, each.parameters)
    except ValueError:
        return False
    return True


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


def _orders(subject: Subject) -> Iterator[Alternative]:
    """The same lists in another order, or deciding apart or together."""
    lists = {each.name: each for each in subject.lists}
    runs = [name for name, _ in groupby(call.blocks for call in subject.baseline.calls)]
    ordered = [lists[name] for name in dict.fromkeys(runs)]
    if len(ordered) == len(lists) and ordered != subject.lists:
        names = ", ".join(each.name for each in ordered)
        text = f"the block lists in the order in which they run ({names})"
        yield text, _adapter(subject, ordered)
    interleaved = round_of([call.blocks for call in subject.baseline.calls])
    if interleaved and interleaved != subject.adapter.interleaved:
        adapter = _adapter(subject, ordered, chained=False, interleaved=interleaved)
        yield f"interleaved={interleaved}", adapter
    if len(lists) > 1:
        chained = not subject.adapter.chained
        adapter = _adapter(subject, subject.lists, chained=chained, interleaved=False)
        yield f"chained={chained}", adapter


def _readings(subject: Subject) -> Iterator[Alternative]:
    """Other patterns, then exchanged streams too; of one list after the other, then of all."""
    scopes = [[each] for each in subject.lists] + [subject.lists] * (len(subject.lists) > 1)
    for exchanged in (False, True):
        for scope in scopes:
            for pattern in ForwardPattern:
                changed = {each.name: _read(each, pattern, exchanged) for each in scope}
                fits = all(_returned(subject, name) == len(pattern.Out) for name in changed)
                if not fits or None in changed.values() or list(changed.values()) == scope:
                    continue
                lists = [changed.get(each.name) or each for each in subject.lists]
                names = ", ".join(map(repr, changed))
                streams = dict(next(filter(None, changed.values())).parameters or {})
                also = f" and stream_parameters={streams}" if exchanged else ""
                yield f"{pattern.name}{also} for {names}", _adapter(subject, lists)


def _read(each: BlockList, pattern: ForwardPattern, exchanged: bool) -> BlockList | None:
    """A list with another pattern, its streams exchanged or not; None where it has but one."""
    if not exchanged:
        return replace(each, pattern=pattern)
    try:
        both = BlockStreams(each.blocks[0], ForwardPattern.Pattern_0, each.parameters).parameters
    except ValueError:
        return None
    parameters = {HIDDEN: both[ENCODER]}
    if ENCODER in pattern.In and ENCODER in pattern.Out:
        parameters[ENCODER] = both[HIDDEN]
    return replace(each, pattern=pattern, parameters=parameters)


def _adapter(subject: Subject, lists: list[BlockList], **changes: Any) -> BlockAdapter:
    """The subject's adapter with other lists, and other fields."""
    return replace(
        subject.adapter,
        transformer=subject.transformer,
        blocks=None,
        blocks_name=[each.name for each in lists],
        forward_pattern=[each.pattern for each in lists],
        stream_parameters=[dict(each.parameters or {}) for each in lists],
        auto=False,
        **changes,
    )
