"""How much a signal has changed: the number a dynamic decision is taken on."""

from __future__ import annotations

import torch

from ..comm import SyncGroup
from .held import Held


class Reference:
    """The signal at the last computed step, against which later ones are measured.

    Its size is found with the first measurement and kept: the others need one pass over it less.
    """

    def __init__(self, held: Held) -> None:
        self.held = held
        self._size: float | None = None  # over all ranks

    def change(self, now: torch.Tensor, sync: SyncGroup) -> float:
        """mean|now - reference| / mean|reference| over all ranks that share the sample.

        Costs one read from the device, and one reduction of at most two numbers where there are
        several ranks. NaN where the reference is all zero.
        """
        before = self.held.tensor
        # Not vector_norm, which takes three times as long on a processor.
        wide = torch.float64 if now.dtype == torch.float64 else torch.float32
        difference = (now.detach() - before).abs_().sum(dtype=wide)
        if self._size is None:
            size = before.abs().sum(dtype=wide)
            changed, self._size = sync.sum(torch.stack([difference, size])).tolist()
        else:
            changed = sync.sum(difference).tolist()
        return changed / self._size if self._size else float("nan")
