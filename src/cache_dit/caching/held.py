"""A tensor that is needed a little later, and whether it was written to in the meantime."""

from __future__ import annotations

from typing import NamedTuple

import torch


class Held(NamedTuple):
    """A reference to a tensor that other code owns, with the version it had.

    Blocks may write in place into their input; autograd's version counter tells. Inference tensors
    have no such counter, so they are copied.
    """

    tensor: torch.Tensor
    version: int

    @classmethod
    def of(cls, tensor: torch.Tensor, copy: bool) -> Held:
        """Hold ``tensor``, or a copy of it where it is known to be overwritten."""
        tensor = tensor.detach()  # keeps the version counter, and no graph of earlier steps
        if copy or tensor.is_inference():
            return cls(tensor.clone(), -1)
        return cls(tensor, tensor._version)

    @property
    def intact(self) -> bool:
        """Whether nobody has written to it since."""
        return self.version == -1 or self.tensor._version == self.version
