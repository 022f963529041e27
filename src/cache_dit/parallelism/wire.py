"""How tensors are written into the messages that ranks exchange."""

from __future__ import annotations

from math import prod
from typing import Protocol

import torch

Shape = tuple[int, ...]


class Wire(Protocol):
    """A way to write tensors into flat messages, and to read them again."""

    def size(self, shape: Shape) -> int:
        """Entries of the message that a tensor of this shape becomes."""

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        """The message, one-dimensional."""

    def unpack(self, message: torch.Tensor, shape: Shape, dtype: torch.dtype) -> torch.Tensor:
        """The tensor that was packed."""


class Exact:
    """Tensors as they are."""

    def size(self, shape: Shape) -> int:
        """As many entries as the tensor has."""
        return prod(shape)

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor's numbers."""
        return tensor.flatten()

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

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        """The means, the scales, and the numbers."""
        mean = tensor.mean(-2, keepdim=True, dtype=torch.float32)
        rest = tensor - mean
        scale = rest.abs().amax(-1).float() / 127
        scale = scale.masked_fill(scale == 0, 1.0)
        numbers = (rest / scale.unsqueeze(-1)).round().to(torch.int8)
        exactly = torch.cat([mean.flatten(), scale.flatten()])
        return torch.cat([exactly.view(torch.int8), numbers.flatten()])

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
