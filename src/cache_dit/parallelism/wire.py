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
    """Numbers in 8 bits, with one scale in float32 for each vector along the last dimension.

    They are whole numbers from -127 to 127. Their error is at most sqrt(D / 12) / 127 of the
    vector's length per sqrt(D), 2.6 % for D = 128 and far less where no number dwarfs the others;
    float8_e4m3fn, with its three bits of mantissa, is off by 2.6 % always.
    """

    def size(self, shape: Shape) -> int:
        """One byte for each number, four for each vector."""
        return prod(shape) + 4 * prod(shape[:-1])

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        """All scales, then all numbers."""
        scale = tensor.abs().amax(-1, keepdim=True).float() / 127
        scale = scale.masked_fill(scale == 0, 1.0)
        numbers = (tensor / scale).round().to(torch.int8)
        return torch.cat([scale.flatten().view(torch.int8), numbers.flatten()])

    def unpack(self, message: torch.Tensor, shape: Shape, dtype: torch.dtype) -> torch.Tensor:
        """The numbers times their scales."""
        scales = 4 * prod(shape[:-1])
        scale = message[:scales].clone().view(torch.float32)  # a copy is aligned
        return (message[scales:].view(shape) * scale.view(*shape[:-1], 1)).to(dtype)


EXACT = Exact()
EIGHT_BITS = EightBits()
