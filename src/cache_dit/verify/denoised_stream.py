"""Is the stream that an adapter calls the denoised one the one that is denoised?"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch

from cache_dit.caching.block_streams import BlockStreams, Streams
from cache_dit.verify.chain import Place
from cache_dit.verify.outputs import difference
from cache_dit.verify.subject import FAR, Subject

STILL = 1e-4  # relative change between two far steps of a stream that does not follow the sample


def wrong_stream(subject: Subject) -> str:
    """What is wrong with the streams that decide; empty where nothing is.

    Reuse is exact whichever of its streams a block list takes for the denoised one, but whether to
    reuse is decided on that one, and text hardly changes from step to step.
    """
    near, far = _entering(subject, 0), _entering(subject, FAR)
    for chain in subject.chains:
        first = next((place for place in chain.places if place in near), None)
        if first is None:
            continue
        hidden, encoder = map(_change, near[first], far[first])
        if hidden < max(STILL, 0.1 * encoder):
            return (
                f"what enters {first[0]!r} as hidden_states changes by {hidden:.1e} from step 0 to "
                f"step {FAR}, and encoder_hidden_states by {encoder:.1e}: the denoised stream is "
                "another one. Exchange the two (Pattern_0 for Pattern_1, Pattern_4 for Pattern_5, "
                "or stream_parameters), or begin with another block list."
            )
    return ""


def _entering(subject: Subject, step: int) -> dict[Place, Streams]:
    """The streams that enter each block, when it is called for the first time."""
    found: dict[Place, Streams] = {}
    with ExitStack() as hooks:
        for each in subject.lists:
            for index, block in enumerate(each.blocks):
                io = BlockStreams(block, each.pattern, each.parameters, each.name)

                def note(
                    module: Any, args: Any, kwargs: Any, io: Any = io, at: Any = (each.name, index)
                ) -> None:
                    found.setdefault(at, io.read(args, kwargs))

                hooks.callback(block.register_forward_pre_hook(note, with_kwargs=True).remove)
        subject.call(step)
    return found


def _change(near: torch.Tensor | None, far: torch.Tensor | None) -> float:
    return 0.0 if near is None or far is None else difference([far], [near])
