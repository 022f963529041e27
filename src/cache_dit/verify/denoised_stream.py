"""Is the stream that an adapter calls the denoised one the one that is denoised?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch

from cache_dit.caching.block_streams import BlockStreams, Streams
from cache_dit.verify.chain import Place
from cache_dit.verify.outputs import difference
from cache_dit.verify.subject import FAR, Subject

STILL = 1e-4  # relative change between two far steps of a stream that does not follow the sample


@dataclass
class Passage:
    """The streams that enter a block, and those that leave it."""

    entering: Streams
    leaving: Streams = (None, None)


def wrong_stream(subject: Subject) -> str:
    """What is wrong with the streams that decide; empty where nothing is.

    Reuse may be exact whichever of its streams a block list takes for the denoised one, but whether
    to reuse is decided on that one, and text hardly changes from step to step. And what skipped
    blocks would have added is known of a stream only if all of them call it the same. A block list
    that has text alone may decide on it, if others do not.
    """
    near, far = _passages(subject, 0), _passages(subject, FAR)
    moved = []
    for place in _firsts(subject, near):
        hidden, encoder = map(_change, near[place].entering, far[place].entering)
        moved.append(hidden)
        if hidden < 0.1 * encoder:
            return (
                f"what enters {place[0]!r} as hidden_states changes by {hidden:.0e} from step 0 to "
                f"step {FAR}, and encoder_hidden_states by {encoder:.0e}, so the latter is what is "
                "denoised."
            )
    for block, following in _neighbours(subject, near):
        if _crossed(near[block], near[following]):
            return (
                f"what leaves a block of {block[0]!r} as encoder_hidden_states enters the next "
                f"one, of {following[0]!r}, as hidden_states."
            )
    if max(moved, default=1.0) < STILL:
        names = ", ".join(each.name for each in subject.lists)
        return (
            f"nothing that enters the block lists ({names}) changes with the sample. Add the list "
            "that the denoised states run through, or name their parameter in stream_parameters."
        )
    return ""


def _firsts(subject: Subject, called: dict[Place, Passage]) -> Iterator[Place]:
    """The first block of each chain that is called."""
    for chain in subject.chains:
        yield from [place for place in chain.places if place in called][:1]


def _neighbours(subject: Subject, called: dict[Place, Passage]) -> Iterator[tuple[Place, Place]]:
    """Blocks that decide together and run one after the other."""
    for chain in subject.chains:
        yield from pairwise(place for place in chain.places if place in called)


def _crossed(before: Passage, behind: Passage) -> bool:
    """Whether what the next block takes for the denoised stream is the other one of this block.

    The other way round may be: a decoder looks at what was denoised before.
    """
    (hidden, encoder), (next_hidden, _) = before.leaving, behind.entering
    return _same(encoder, next_hidden) and not _same(hidden, next_hidden)


def _same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    return one is not None and other is not None and torch.equal(one, other)


def _passages(subject: Subject, step: int) -> dict[Place, Passage]:
    """What enters and leaves each block when it is called for the first time."""
    found: dict[Place, Passage] = {}
    with ExitStack() as hooks:
        for each in subject.lists:
            for index, block in enumerate(each.blocks):
                io = BlockStreams(block, each.pattern, each.parameters, each.name)
                before, after = _hooks(io, found, (each.name, index))
                hooks.callback(block.register_forward_pre_hook(before, with_kwargs=True).remove)
                hooks.callback(block.register_forward_hook(after).remove)
        subject.call(step)
    return found


def _hooks(io: BlockStreams, found: dict[Place, Passage], place: Place) -> tuple[Any, Any]:
    def before(module: Any, args: Any, kwargs: Any) -> None:
        found.setdefault(place, Passage(io.read(args, kwargs)))

    def after(module: Any, args: Any, output: Any) -> None:
        if found[place].leaving == (None, None):
            found[place].leaving = io.unpack(output)

    return before, after


def _change(near: torch.Tensor | None, far: torch.Tensor | None) -> float:
    return 0.0 if near is None or far is None else difference([far], [near])
