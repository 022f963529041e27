"""How far apart two outputs of a model are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch


def difference(outputs: Sequence[torch.Tensor], reference: Sequence[torch.Tensor]) -> float:
    """max|output - reference| / max|reference|, the largest of all tensors.

    Infinite where shapes differ, a number is not finite, or there is nothing to compare.
    """
    if [tensor.shape for tensor in outputs] != [tensor.shape for tensor in reference]:
        return math.inf
    pairs = zip(outputs, reference, strict=True)
    return max((_relative(output, expected) for output, expected in pairs), default=math.inf)


def other_shapes(outputs: Sequence[torch.Tensor], reference: Sequence[torch.Tensor]) -> str:
    """Which shapes differ, as a sentence; empty where none do."""
    found, expected = (
        ", ".join(str(tuple(t.shape)) for t in each) for each in (outputs, reference)
    )
    return "" if found == expected else f"The output has the shape {found}, not {expected}."


def finite(outputs: Sequence[torch.Tensor]) -> bool:
    """Whether all numbers are."""
    return all(bool(tensor.isfinite().all()) for tensor in outputs)


def _relative(output: torch.Tensor, expected: torch.Tensor) -> float:
    if torch.equal(output, expected):
        return 0.0
    error = float((output - expected).abs().max()) / (float(expected.abs().max()) or 1.0)
    return error if math.isfinite(error) else math.inf
