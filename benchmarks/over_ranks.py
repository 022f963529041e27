"""Times over ranks, as ratios to one process, taken in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist


def ratios(
    alone: Callable[[], Any], together: Callable[[], Any], repeats: int
) -> tuple[float, float]:
    """Medians of wall-clock and processor time over those of one process, timed in turn."""
    found = []
    for _ in range(repeats):
        dist.barrier()  # one process has the machine for itself, as the ranks have together
        first = dist.get_rank() == 0
        one = torch.tensor(timed(alone) if first else (0.0, 0.0), dtype=torch.float64)
        if dist.get_world_size() > 1:
            dist.broadcast(one, 0)
        several = timed(together)
        found.append([spent / float(base) for spent, base in zip(several, one, strict=True)])
    wall, processor = (statistics.median(each) for each in zip(*found, strict=True))
    return wall, processor


def processor_ratio(changed: Callable[[], Any], base: Callable[[], Any], repeats: int) -> float:
    """Median of the processor time of ``changed`` over that of ``base``, both over the ranks."""
    found = []
    for _ in range(repeats):
        dist.barrier()
        spent = timed(changed)[1]
        found.append(spent / timed(base)[1])
    return statistics.median(found)


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """(seconds, processor seconds) of a call."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - busy
