"""Tensor parallelism: bytes, memory, time and error of a model, and what one layer adds to a call.

    python benchmarks/tensor_parallel.py --tokens 512 --repeats 5

Every rank has one thread. All times are ratios within one run, of medians: the model over ranks to
the model on one process, wall-clock and processor time; and a pair of layers, kept as plain local
parts, to the same pair as distributed tensors (DTensor).
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from diffusers import FluxTransformer2DModel
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.verify.ranks import Ranks

PAIR: Any = {"0": "colwise", "2": "rowwise"}


@dataclass(frozen=True)
class Measured:
    """What one rank found.

    Attributes:
        exchanges: of one call of the model.
        sent: bytes of one call, of this rank.
        share: of the parameters' bytes that this rank holds.
        wall: seconds, over those of one process.
        processor: processor seconds, over those of one process.
        error: relative.
    """

    exchanges: int
    sent: int
    share: float
    wall: float
    processor: float
    error: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--width", type=int, default=64, help="of one head")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 2])
    options = parser.parse_args()
    print(
        f"FLUX, 2 + 4 blocks, {options.heads} heads of {options.width}, {options.tokens} tokens\n"
    )
    print("| ranks | exchanges | S d b sent | weights | wall-clock | processor | error |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    groups = {size: Ranks(size, patience=1800) for size in options.ranks}
    unit = (options.tokens + 64) * options.heads * options.width * 4
    for size, group in groups.items():
        shape = (options.tokens, options.heads, options.width)
        found: list[Measured] = group.run(measure, size, *shape, options.repeats)
        most = max(found, key=lambda each: each.wall)
        cells = f"{most.exchanges} | {most.sent / unit:.2f} | {most.share:.3f} | {most.wall:.2f}"
        print(f"| {size} | {cells} | {most.processor:.2f} | {most.error:.0e} |", flush=True)
    for size in [size for size in options.ranks if size > 1]:
        plain, distributed = groups[size].run(layers, size, 20 * options.repeats)[0]
        print(f"\nTwo small layers over {size} ranks, processor time of a call over one process:")
        print(f"plain parts {plain:.1f}, DTensor {distributed:.1f}")
    for group in groups.values():
        group.stop()


def measure(size: int, tokens: int, heads: int, width: int, repeats: int) -> Measured:
    """One rank's part for the model."""
    torch.manual_seed(0)
    model = FluxTransformer2DModel(
        num_layers=2,
        num_single_layers=4,
        attention_head_dim=width,
        num_attention_heads=heads,
        in_channels=16,
        joint_attention_dim=64,
        pooled_projection_dim=64,
        axes_dims_rope=(width // 4, width // 4, width // 2),
    ).requires_grad_(False)
    inputs = {
        "hidden_states": torch.randn(1, tokens, 16),
        "encoder_hidden_states": torch.randn(1, 64, 64),
        "pooled_projections": torch.randn(1, 64),
        "timestep": torch.tensor([0.5]),
        "img_ids": torch.zeros(tokens, 3),
        "txt_ids": torch.zeros(64, 3),
    }
    whole = copy.deepcopy(model)
    numbers = sum(each.numel() for each in model.parameters())
    expected = whole(**inputs).sample
    parallelize([model], ParallelismConfig(tp_size=size))
    (parallel,) = parallelism_of(model)
    assert isinstance(parallel, TensorParallel)
    begun = (parallel.channel.calls, parallel.bytes_sent)
    output = model(**inputs).sample
    calls, sent = parallel.channel.calls - begun[0], parallel.bytes_sent - begun[1]
    share = sum(each.numel() for each in model.parameters()) / numbers
    wall, processor = ratios(lambda: whole(**inputs), lambda: model(**inputs), repeats)
    restore(model)
    error = float((output - expected).norm() / expected.norm())
    return Measured(calls, sent, share, wall, processor, error)


def layers(size: int, repeats: int) -> tuple[float, float]:
    """(plain parts, DTensor): processor time of two small layers, over those of one process."""
    alone, plain, distributed = (feed_forward() for _ in range(3))
    mesh = Mesh.of(ParallelismConfig(tp_size=size))
    TensorParallel(plain, PAIR, mesh, mesh.tp).install()
    styles: Any = {"0": ColwiseParallel(), "2": RowwiseParallel()}
    parallelize_module(distributed, init_device_mesh("cpu", (size,)), styles)
    value = torch.randn(1, 4, 64)
    dist.broadcast(value, 0)
    ours = ratios(lambda: alone(value), lambda: plain(value), repeats)[1]
    return ours, ratios(lambda: alone(value), lambda: distributed(value), repeats)[1]


def feed_forward() -> nn.Module:
    """Two layers so small that what is around them shows."""
    made = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))
    return made.requires_grad_(False)


def ratios(
    alone: Callable[[], Any], together: Callable[[], Any], repeats: int
) -> tuple[float, float]:
    """Medians of wall-clock and processor time over those of one process, timed in turn."""
    found = []
    for _ in range(repeats):
        _wait_for_all()  # one process has the machine for itself, as the ranks have together
        first = _rank() == 0
        one = torch.tensor(_time(alone) if first else (0.0, 0.0), dtype=torch.float64)
        if dist.get_world_size() > 1:
            dist.broadcast(one, 0)
        several = _time(together)
        found.append([spent / float(base) for spent, base in zip(several, one, strict=True)])
    wall, processor = (statistics.median(each) for each in zip(*found, strict=True))
    return wall, processor


def _rank() -> int:
    return dist.get_rank()


def _wait_for_all() -> None:
    dist.barrier()


def _time(work: Callable[[], Any]) -> tuple[float, float]:
    """(seconds, processor seconds) of a call."""
    start, busy = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - busy


if __name__ == "__main__":
    main()
