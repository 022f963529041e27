"""What ranks have computed of the tiles of one call, told and sent to all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from ..comm import Channel

ALIGNED = 64
"""Bytes: tensors begin where they would if they were made on their own."""


@dataclass(frozen=True)
class Form:
    """What a tensor without gaps is, but for its contents."""

    shape: torch.Size
    stride: tuple[int, ...]
    dtype: torch.dtype

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Form:
        """That of a tensor."""
        return cls(tensor.shape, tensor.stride(), tensor.dtype)

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self.shape.numel() * self.dtype.itemsize


@dataclass(frozen=True)
class Told:
    """What a rank says to the others before tiles are exchanged.

    Attributes:
        outputs: forms of what it has computed, by the tile's place.
        inputs: shapes of what goes into all calls.
        problem: what went wrong; empty where nothing did.
    """

    outputs: dict[int, list[Form]]
    inputs: list[torch.Size]
    problem: str


@dataclass
class Work:
    """What a rank has computed, by the tile's place, and why not more."""

    outputs: dict[int, list[torch.Tensor]] = field(default_factory=dict)
    error: Exception | None = None

    def told(self, inputs: list[torch.Size]) -> Told:
        """What the others must know of it."""
        forms = {place: [Form.of(each) for each in own] for place, own in self.outputs.items()}
        error = self.error
        return Told(forms, inputs, f"{type(error).__name__}: {error}" if error else "")


def exchanged(
    channel: Channel, work: Work, told: Sequence[Told], device: torch.device | None
) -> dict[int, list[torch.Tensor]]:
    """The outputs of all ranks, by the tile's place.

    Each rank sends one message with all that it has computed; all of them travel at once. What
    ``work`` has is moved there.
    """
    finished: dict[int, list[torch.Tensor]] = {}
    messages = []
    for rank, said in enumerate(told):
        forms = [form for each in said.outputs.values() for form in each]
        message = torch.empty(sum(map(_room, forms)), dtype=torch.uint8, device=device)
        slots = _slots(message, forms)
        for place, several in said.outputs.items():
            finished[place] = [next(slots) for _ in several]
            if rank == channel.rank:
                for slot, value in zip(finished[place], work.outputs.pop(place), strict=True):
                    slot.copy_(value)
        messages.append(message)
    channel.broadcast_all(messages)
    return finished


def _room(form: Form) -> int:
    return -(-form.nbytes // ALIGNED) * ALIGNED


def _slots(message: torch.Tensor, forms: Sequence[Form]) -> Iterator[torch.Tensor]:
    begin = 0
    for form in forms:
        flat = message[begin : begin + form.nbytes].view(form.dtype)
        yield flat.as_strided(form.shape, form.stride)
        begin += _room(form)
