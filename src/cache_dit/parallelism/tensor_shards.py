"""Which part of which parameter a rank holds, and what else is different there."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from .tensor_plan import Style


@dataclass
class Shard:
    """How one parameter is shared out.

    Attributes:
        module: whose parameter it is.
        name: of the parameter in the module.
        path: of the parameter in the model.
        dim: along which it is cut; None: the first rank has it, and the others have zeros.
        blocks: sizes of the parts that are each shared out for themselves.
        copies: how many ranks after one another hold the same part.
    """

    module: weakref.ref[nn.Module]
    name: str
    path: str
    dim: int | None
    blocks: tuple[int, ...] = ()
    copies: int = 1

    @property
    def parameter(self) -> nn.Parameter:
        """The parameter itself."""
        module = self.module()
        assert module is not None
        return getattr(module, self.name)

    @property
    def plain(self) -> bool:
        """Whether the parameter is still there, as an ordinary tensor."""
        held = getattr(self.module(), self.name, None)
        return isinstance(held, nn.Parameter) and is_plain(held)

    def keep(self, value: torch.Tensor) -> None:
        """Put a part, or the whole, in the place of what the parameter holds."""
        module = self.module()
        assert module is not None
        fill(module, self.name, value)

    def part(self, source: Any, rank: int, size: int) -> torch.Tensor:
        """A rank's part of the whole, which may be a tensor or a slice of a file."""
        if self.dim is None:
            whole = source[:]
            return whole.clone() if rank == 0 else torch.zeros_like(whole)
        parts, start = [], 0
        for block in self.blocks:
            width = block * self.copies // size
            first = start + rank // self.copies * width
            parts.append(source[(slice(None),) * self.dim + (slice(first, first + width),)])
            start += block
        return torch.cat(parts, self.dim) if len(parts) > 1 else parts[0].clone()

    def whole(self, parts: Sequence[torch.Tensor]) -> torch.Tensor:
        """The whole, from the parts of all ranks."""
        if self.dim is None:
            return parts[0].clone()
        size = len(parts)
        different = parts[:: self.copies]
        widths = [block * self.copies // size for block in self.blocks]
        columns = zip(*(part.split(widths, self.dim) for part in different), strict=True)
        return torch.cat([piece for column in columns for piece in column], self.dim)


def is_plain(parameter: nn.Parameter) -> bool:
    """Whether a parameter is an ordinary tensor of numbers, that can be cut and put together."""
    whole = parameter.is_floating_point() and parameter.element_size() > 1
    return type(parameter.data) is torch.Tensor and whole


def fill(module: nn.Module, name: str, value: torch.Tensor) -> None:
    """Give a parameter other data; one that had none ("meta") becomes another object."""
    parameter = getattr(module, name)
    if parameter.is_meta:
        setattr(module, name, nn.Parameter(value, requires_grad=parameter.requires_grad))
    else:
        parameter.data = value


@dataclass
class Number:
    """A number on a module that is smaller on a rank."""

    module: weakref.ref[nn.Module]
    name: str
    here: Any


@dataclass
class Call:
    """A module whose calls exchange something."""

    module: weakref.ref[nn.Module]
    path: str
    style: Style


@dataclass
class Shards:
    """All that a plan means for one model and one number of ranks."""

    parameters: list[Shard] = field(default_factory=list)
    numbers: list[Number] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def saved(self, size: int) -> int:
        """How many numbers of the whole model one of ``size`` ranks does not hold."""
        cut = [each for each in self.parameters if each.dim is not None]
        whole = [(each.parameter.numel(), each.copies) for each in cut]
        return sum(count - count * copies // size for count, copies in whole)
