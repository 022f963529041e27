"""What a call does about its masks: run on every rank at once."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import torch

from cache_dit.comm import Channel
from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.mask import Mask
from cache_dit.verify import zoo


def counted(name: str) -> tuple[int, int, int]:
    """(all-gathers, cuts of masks, masks that are kept afterwards) of one call of a model."""
    entry = zoo.get(name)
    model = entry.build()
    parallelize([model], ParallelismConfig(ulysses_size=2))
    (parallel,) = parallelism_of(model)
    with (
        patch.object(
            Channel, "all_gather", autospec=True, side_effect=Channel.all_gather
        ) as gather,
        patch.object(Mask, "_new_cut", autospec=True, side_effect=Mask._new_cut) as cut,
        torch.no_grad(),
    ):
        model(**entry.inputs())
    attend: Any = parallel.attend
    restore(model)
    return gather.call_count, cut.call_count, len(attend.masks)
