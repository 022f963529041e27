"""How tensors are written into the messages that ranks exchange."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Protocol

import torch

Shape = tuple[int, ...]


class Wire(Protocol):
    """A way to write tensors into flat messages, and to read them again."""

    def size(self, shape: Shape) -> int:
        """Entries of the message that a tensor of this shape becomes."""

    def dtype(self, tensor: torch.Tensor) -> torch.dtype:
        """The type of those entries."""

    def write(self, tensor: torch.Tensor, message: torch.Tensor) -> None:
        """Write a tensor into its message, which is flat."""

    def unpack(self, message: torch.Tensor, shape: Shape, dtype: torch.dtype) -> torch.Tensor:
        """The tensor that was written."""


class Exact:
    """Tensors as they are."""

    def size(self, shape: Shape) -> int:
        """As many entries as the tensor has."""
        return prod(shape)

    def dtype(self, tensor: torch.Tensor) -> torch.dtype:
        """That of the tensor."""
        return tensor.dtype

    def write(self, tensor: torch.Tensor, message: torch.Tensor) -> None:
        """The tensor's numbers."""
        message.view(tensor.shape).copy_(tensor)

    def unpack(self, message: torch.Tensor, shape: Shape, dtype: torch.dtype) -> torch.Tensor:
        """The numbers in their shape."""
        return message.view(shape)


class EightBits:
    """Tensors [B, H, S, D] in 8 bits, with a scale in float32 for each token of each head.

    What all tokens of a head have in common, their mean, is sent as it is: some channels of keys
    are large in every token, and would leave few of the 8 bits to the others. The rest is rounded
    to whole numbers from -127 to 127, which for D = 128 is never further off, in relation to a
    token's length, than float8_e4m3fn with its three bits of mantissa, and mostly much less.
    """

    def size(self, shape: Shape) -> int:
        """One byte for each number, four for each token, and four for each number of a mean."""
        *heads, tokens, width = shape
        return prod(shape) + 4 * prod(heads) * (tokens + width)

    def dtype(self, tensor: torch.Tensor) -> torch.dtype:
        """Bytes."""
        return torch.int8

    def write(self, tensor: torch.Tensor, message: torch.Tensor) -> None:
        """The means, the scales, and the numbers."""
        mean = tensor.mean(-2, keepdim=True, dtype=torch.float32)
        rest = tensor - mean
        scale = rest.abs().amax(-1).float() / 127
        scale = scale.masked_fill(scale == 0, 1.0)
        exactly = torch.cat([mean.flatten(), scale.flatten()]).view(torch.int8)
        message[: len(exactly)].copy_(exactly)
        numbers = (rest / scale.unsqueeze(-1)).round()
        message[len(exactly) :].view(tensor.shape).copy_(numbers)

    def unpack(self, message: torch.Tensor, shape: Shape, dtype: torch.dtype) -> torch.Tensor:
        """The numbers times their scales, and the means added."""
        *heads, tokens, width = shape
        counts = [prod(heads) * width, prod(heads) * tokens]
        start = 4 * sum(counts)
        exactly = message[:start].clone().view(torch.float32)  # a copy is aligned
        mean, scale = exactly.split(counts)
        rest = message[start:].view(shape) * scale.view(*heads, tokens, 1)
        return (rest + mean.view(*heads, 1, width)).to(dtype)


EXACT = Exact()
EIGHT_BITS = EightBits()


def written(tensors: Sequence[torch.Tensor], wire: Wire = EXACT) -> torch.Tensor:
    """The messages of some tensors, one after the other, and no copy on the way to them."""
    sizes = [wire.size(tuple(each.shape)) for each in tensors]
    message = tensors[0].new_empty(sum(sizes), dtype=wire.dtype(tensors[0]))
    for tensor, part in zip(tensors, message.split(sizes), strict=True):
        wire.write(tensor, part)
    return message
