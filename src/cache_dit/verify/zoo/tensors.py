"""The tensors in what a model returns: a tensor, a tuple, an output object, lists of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def tensors(output: Any) -> list[torch.Tensor]:
    """All floating-point tensors in ``output``, in order.

    Containers are walked; anything else (a key-value cache, an index) is left out.
    """
    if isinstance(output, torch.Tensor):
        return [output] if output.is_floating_point() else []
    if isinstance(output, Mapping):
        return [tensor for value in output.values() for tensor in tensors(value)]
    if isinstance(output, (list, tuple)):
        return [tensor for value in output for tensor in tensors(value)]
    return []


def first_tensor(output: Any) -> torch.Tensor:
    """The denoised sample in ``output``. Raises ValueError if there is no tensor in it."""
    found = tensors(output)
    if not found:
        raise ValueError(
            f"zoo: no tensor in an output of type {type(output).__name__}. "
            "It has to be a tensor or hold some. Check what the model returns."
        )
    return found[0]
