"""How much a signal has changed: the number a dynamic decision is taken on."""

from __future__ import annotations

import torch

from ..comm import SyncGroup


def relative_change(now: torch.Tensor, before: torch.Tensor, sync: SyncGroup) -> float:
    """mean|now - before| / mean|before| over all ranks that share the sample.

    Costs one read from the device, and one reduction of two numbers where there are several ranks.
    NaN where ``before`` is all zero.
    """
    wide = torch.float64 if now.dtype == torch.float64 else torch.float32
    norm = torch.linalg.vector_norm
    pair = torch.stack([norm(now - before, 1, dtype=wide), norm(before, 1, dtype=wide)])
    difference, size = sync.sum(pair).tolist()
    return difference / size if size else float("nan")
