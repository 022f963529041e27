"""One attention over real ranks, against one process: bytes, times and error of each method."""

from __future__ import annotations

import statistics
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from record import Row

from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.distributed_attention import DistributedAttention, Tokens
from cache_dit.parallelism.sequence import Layout
from cache_dit.verify.ranks import Ranks

ULYSSES = {"ulysses_size": 2}
METHODS: dict[int, dict[str, dict[str, Any]]] = {
    1: {"nothing split": {}},
    2: {
        "ulysses 2": ULYSSES,
        "ulysses 2, overlapped": {**ULYSSES, "ulysses_async": True},
        "ulysses 2, 8 bits": {**ULYSSES, "ulysses_float8": True},
        "ring 2 (p2p)": {"ring_size": 2},
        "ring 2 (allgather)": {"ring_size": 2, "ring_rotate_method": "allgather"},
    },
    4: {
        "ulysses 4": {"ulysses_size": 4},
        "ulysses 4, overlapped": {"ulysses_size": 4, "ulysses_async": True},
        "ring 4 (p2p)": {"ring_size": 4},
        "ulysses 2 x ring 2": {"ulysses_size": 2, "ring_size": 2},
    },
}


@dataclass(frozen=True)
class Measured:
    """What one rank found: bytes sent, (seconds, processor seconds) over those of one process."""

    sent: int
    wall: float
    processor: float
    error: float


def methods(options: Namespace) -> Iterator[Row]:
    """A row for each method; times and bytes are those of the rank that has most."""
    shape = (1, options.heads, options.tokens, options.width)
    whole = options.tokens * options.heads * options.width * 4
    for size in options.ranks:
        group = Ranks(size, patience=1800)
        for name, config in METHODS[size].items():
            found: list[Measured] = group.run(measure, config, shape, options.repeats)
            yield {
                "method": name,
                "sent": max(each.sent for each in found) / whole,
                "wall": max(each.wall for each in found),
                "processor": max(each.processor for each in found),
                "error": max(each.error for each in found),
            }
        group.stop()


def measure(config: dict[str, Any], shape: tuple[int, ...], repeats: int) -> Measured:
    """One rank's part; times are medians of ratios to one process, timed just before."""
    attend = DistributedAttention.of(ParallelismConfig(**config))
    mesh = attend.mesh
    layout, rank = Layout((shape[2],), mesh.context.size), mesh.context.rank
    source = torch.Generator().manual_seed(0)
    full = [torch.randn(shape, generator=source) for _ in range(3)]
    query, key, value = (layout.part(each, 2, rank).contiguous() for each in full)
    tokens = Tokens(layout, layout)
    channels = (mesh.ring, mesh.ulysses, mesh.context)
    before = sum(each.bytes_sent for each in channels)
    output = attend(tokens, query, key, value)
    sent = sum(each.bytes_sent for each in channels) - before
    expected = layout.part(F.scaled_dot_product_attention(*full), 2, rank)
    ratios = []
    for _ in range(repeats):
        dist.barrier()  # one process has the machine for itself, as the ranks have together
        alone = _time(lambda: F.scaled_dot_product_attention(*full)) if rank == 0 else (0.0, 0.0)
        shared = torch.tensor(alone, dtype=torch.float64)
        dist.broadcast(shared, 0)
        together = _time(lambda: attend(tokens, query, key, value))
        ratios.append([spent / float(one) for spent, one in zip(together, shared, strict=True)])
    wall, processor = (statistics.median(each) for each in zip(*ratios, strict=True))
    return Measured(sent, wall, processor, float((output - expected).norm() / expected.norm()))


def _time(work: Callable[[], Any]) -> tuple[float, float]:
    """(seconds, processor seconds of all threads) of a call."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - busy
