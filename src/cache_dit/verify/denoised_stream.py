"""Is the stream that an adapter calls the denoised one the one that is denoised?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
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
    to reuse is decided on that one, and text hardly changes from step to step. A block list that
    has text alone may decide on it, if others do not.
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
                "denoised. Exchange the two in stream_parameters."
            )
        if _exchanged(near[place]):
            return (
                f"a block of {place[0]!r} returns its streams in the other order: what leaves it "
                "as hidden_states is encoder_hidden_states. Exchange Pattern_0 and Pattern_1, or "
                "Pattern_4 and Pattern_5."
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


def _exchanged(passage: Passage) -> bool:
    """Whether each stream that leaves is more like the other one that entered."""
    (hidden, encoder), (left_hidden, left_encoder) = passage.entering, passage.leaving
    straight = _likeness(left_hidden, hidden) + _likeness(left_encoder, encoder)
    crossed = _likeness(left_hidden, encoder) + _likeness(left_encoder, hidden)
    return crossed > straight + 0.5


def _likeness(one: torch.Tensor | None, other: torch.Tensor | None) -> float:
    """Cosine of the angle between two streams; -1 where they have different shapes."""
    if one is None or other is None or one.shape != other.shape:
        return -1.0
    return float(torch.cosine_similarity(one.flatten(), other.flatten(), dim=0))


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
