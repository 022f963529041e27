"""Context parallelism: bytes and time of one attention, by method, against one process.

    python benchmarks/context_parallel.py --tokens 4096 --repeats 3

Every rank has one thread. Times of the methods and of one process are taken in turn, and reported
as ratios, so that a busy machine does not favour one of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F

from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.distributed_attention import DistributedAttention, Tokens
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.sequence import Layout
from cache_dit.verify.ranks import Ranks

METHODS: dict[int, dict[str, dict[str, Any]]] = {
    2: {
        "ulysses 2": {"ulysses_size": 2},
        "ring 2 (p2p)": {"ring_size": 2},
        "ring 2 (allgather)": {"ring_size": 2, "ring_rotate_method": "allgather"},
    },
    4: {
        "ulysses 4": {"ulysses_size": 4},
        "ring 4 (p2p)": {"ring_size": 4},
        "ulysses 2 x ring 2": {"ulysses_size": 2, "ring_size": 2},
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=64, help="of one head")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ranks", type=int, nargs="*", default=[2, 4])
    options = parser.parse_args()
    shape = (1, options.heads, options.tokens, options.width)
    whole = options.tokens * options.heads * options.width * 4
    print(f"{options.tokens} tokens, {options.heads} heads of {options.width}, float32")
    print(f"{'method':20} {'S d b sent by a rank':>22} {'time / one process':>20}")
    for size in options.ranks:
        group = Ranks(size, patience=600)
        for name, config in METHODS[size].items():
            outcomes = group.run(measure, config, shape, options.repeats)
            sent = outcomes[0][0] / whole
            ratio = max(each[1] for each in outcomes)
            print(f"{name:20} {sent:22.3f} {ratio:20.2f}")
        group.stop()


def measure(config: dict[str, Any], shape: tuple[int, ...], repeats: int) -> tuple[int, float]:
    """(bytes sent in one attention, median time against one process) of this rank."""
    mesh = Mesh.of(ParallelismConfig(**config))
    layout, rank = Layout((shape[2],), mesh.context.size), mesh.context.rank
    source = torch.Generator().manual_seed(0)
    full = [torch.randn(shape, generator=source) for _ in range(3)]
    query, key, value = (layout.part(each, 2, rank).contiguous() for each in full)
    attend = DistributedAttention(mesh, config.get("ring_rotate_method", "p2p"))
    channels = (mesh.ring, mesh.ulysses, mesh.context)
    before = sum(each.bytes_sent for each in channels)
    attend(Tokens(layout, layout), query, key, value)
    sent = sum(each.bytes_sent for each in channels) - before
    ratios = []
    for _ in range(repeats):
        alone = _time(lambda: F.scaled_dot_product_attention(*full)) if rank == 0 else 0.0
        dist.barrier()  # one process has the machine for itself, as the ranks have together
        together = _time(lambda: attend(Tokens(layout, layout), query, key, value))
        shared = torch.tensor([alone])
        dist.broadcast(shared, 0)
        ratios.append(together / float(shared))
    return sent, statistics.median(ratios)


def _time(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
