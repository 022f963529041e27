"""What ranks tell each other."""

from __future__ import annotations

import torch
import torch.distributed as dist


class SyncGroup:
    """The ranks that hold parts of the same sample, and so must take the same decisions.

    ``group=None`` means this process alone: every reduction is then a no-op.
    """

    def __init__(self, group: dist.ProcessGroup | None = None) -> None:
        self.group = group

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Element-wise sum of ``values`` over the ranks; every rank of the group must enter."""
        if self.group is not None:
            dist.all_reduce(values, group=self.group)
        return values


ALONE = SyncGroup()
