"""What is known in the middle of a call, and what a plan's steps do to arguments and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..comm import Channel
from .borders import Neighbours
from .containers import contents, with_contents
from .head_shares import HeadShares
from .plan_steps import (
    Borrow,
    Count,
    Gather,
    Measure,
    OwnHeads,
    Return,
    Split,
    Step,
    Streams,
    ToHeads,
    ToTokens,
)
from .sequence import Layout


@dataclass(frozen=True)
class Stream:
    """A tensor that was split.

    Attributes:
        lengths: in tokens, of what was shared out one after the other.
        run: so many tokens stay together.
    """

    lengths: tuple[int, ...]
    run: int = 1


class Progress:
    """How far a call of one model has come: its streams so far, and the heads here."""

    def __init__(self, name: str, context: Channel) -> None:
        self.name, self.context = name, context
        self.streams: dict[str, Stream] = {}
        self.heads: list[HeadShares | int] = []  # a number is the width of one, not counted yet

    def begin(self) -> None:
        """Forget the call before."""
        self.streams.clear()
        self.heads.clear()

    def layout(self, streams: Streams) -> Layout:
        """The sequence that is made of these streams.

        A stream that the call does not have is left out.

        Raises:
            ValueError: none of them was split yet.
        """
        known = [self.streams[name] for name in streams if name in self.streams]
        if streams and not known:
            raise ValueError(
                f"{self.name}: the context-parallel plan uses the stream {streams[0]!r} before it "
                f"was split. Split so far: {', '.join(self.streams) or 'nothing'}."
            )
        lengths = [(length, each.run) for each in known for length in each.lengths]
        return Layout(
            tuple(length for length, _ in lengths),
            self.context.size,
            tuple(run for _, run in lengths),
        )

    def apply(self, step: Any, value: Any, name: str, given: Mapping[str, Any]) -> Any:
        """What a step makes of an argument or output, whatever that is made of.

        Args:
            step: a list of steps is for what a tuple is made of.
            value: the argument or output; None stays None.
            name: of the argument.
            given: all arguments of the module.
        """
        if step is None or value is None:
            return value
        if isinstance(value, torch.Tensor):
            return self._tensor(step, value, name, given)
        if isinstance(value, int) and not isinstance(value, bool):
            return self._number(step, value)
        if (inner := contents(value)) is None:
            return value
        in_turn = isinstance(step, list) and not isinstance(value, Mapping)
        pairs = zip(step if in_turn else [step] * len(inner), inner, strict=True)
        return with_contents(value, [self.apply(how, one, name, given) for how, one in pairs])

    def _number(self, step: Step, value: int) -> int:
        if isinstance(step, Count):
            return self._count(step, value)
        if isinstance(step, Gather):
            return self.layout(step.of).length
        if isinstance(step, Borrow):
            neighbours, run = self._neighbours(step), self.layout(step.of).runs[0]
            return value + (neighbours.before + neighbours.after) // run
        return value

    def _count(self, step: Count, value: int) -> int:
        layout = self.layout(step.of)
        counts = [
            sum(min(max(value - start, 0), size) for start, size in layout.spans(rank))
            for rank in range(layout.ranks)
        ]
        if step.everywhere and value and not all(counts):
            raise ValueError(
                f"{self.name}: its first {value} tokens, which it treats in a way of their own, "
                f"cannot be shared out over {layout.ranks} ranks. Use at most {value} ranks."
            )
        return counts[self.context.rank]

    def _tensor(
        self, step: Step, value: torch.Tensor, name: str, given: Mapping[str, Any]
    ) -> torch.Tensor:
        match step:
            case Split():
                return self._split(step, value, name, given)
            case Measure():
                self.streams[step.name] = Stream((value.shape[step.dim] // step.every,))
            case Gather():
                return self._gather(step, value, name)
            case ToHeads():
                heads = self._heads(value.shape[step.width])
                return heads.to_heads(value, step.dim, step.width, self.layout(step.of))
            case ToTokens():
                return self._heads(0).to_tokens(value, step.dim, step.width, self.layout(step.of))
            case OwnHeads():
                heads = self._heads(value.shape[step.dim])
                return heads.part(value, step.dim, heads.here)
            case Borrow():
                return self._neighbours(step).borrow(value, step.dim)
            case Return():
                return self._neighbours(step).give_back(value, step.dim)
        return value

    def _heads(self, width: int) -> HeadShares:
        """The heads of the module that is called now; counted where a tensor has all of them."""
        known = self.heads.pop() if self.heads else 1
        if isinstance(known, int):
            known = HeadShares(width // known, self.context)
        self.heads.append(known)
        return known

    def _neighbours(self, step: Borrow | Return) -> Neighbours:
        layout = self.layout(step.of)
        return Neighbours(layout, step.reach * layout.runs[0], self.context)

    def _split(
        self, step: Split, value: torch.Tensor, name: str, given: Mapping[str, Any]
    ) -> torch.Tensor:
        if step.expected_dims is not None and value.ndim != step.expected_dims:
            return value
        length, rank = value.shape[step.dim], self.context.rank
        if not step.of:
            stream = step.name or name
            self.streams[stream] = self._stream(step, stream, length, given)
            return self.layout((stream,)).part(value, step.dim, rank)
        layout = self.layout(step.of)
        if length == layout.length or step.tail:
            return layout.part(value, step.dim, rank, layout.length - length)
        if length == 1:
            return value
        raise ValueError(
            f"{self.name}: {name} has {length} entries along dimension {step.dim}, but "
            f"{' + '.join(step.of)} have {layout.length} tokens. Correct the context-parallel plan."
        )

    def _gather(self, step: Gather, value: torch.Tensor, name: str) -> torch.Tensor:
        layout = self.layout(step.of)
        length, here = value.shape[step.dim], layout.sizes[self.context.rank]
        if length != here:
            raise ValueError(
                f"{self.name}: {name} has {length} entries along dimension {step.dim}, but this "
                f"rank's part of {' + '.join(step.of)} has {here} tokens, so that the parts cannot "
                "be put together. Gather the stream itself: correct the context-parallel plan."
            )
        return layout.whole(value, step.dim, self.context)

    def _stream(self, step: Split, name: str, length: int, given: Mapping[str, Any]) -> Stream:
        if step.first:
            first = given.get(step.first, 0)
            if not isinstance(first, int):
                first = self.layout((step.first,)).length
            first = min(first, length)
            self.streams[f"{name}, others"] = Stream((length - first,))
            return Stream((first, length - first))
        if not step.along:
            return Stream((length,))
        along = self.layout((step.along,)).length
        if length % along or along < self.context.size:
            raise ValueError(
                f"{self.name}: {name} has {length} tokens in {along} {step.along}, which stay "
                f"together and cannot be shared out over {self.context.size} ranks. Use at most "
                f"{along} ranks."
            )
        return Stream((length,), length // along)
