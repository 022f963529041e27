"""Tensor parallelism: bytes, memory, time and error of a model, and what parts are best kept as.

    python benchmarks/tensor_parallel.py --tokens 512 --repeats 5

Every rank has one thread. All times are ratios within one run, of medians: the model over ranks to
the model on one process, wall-clock and processor time; and layers that are kept as plain local
parts beside the same layers as distributed tensors (DTensor): what two of them add to a call, and
the trials of `shards`.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from diffusers import FluxTransformer2DModel
from over_ranks import ratios
from record import Row, save
from shards import DTENSOR, PLAIN, Trial, compiled, quantized, whole_state
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
TRIALS = (compiled, quantized, whole_state)
LENGTHS = (16, 24, 32)


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
    options = arguments()
    groups = {size: Ranks(size, patience=1800) for size in options.ranks}
    rows: list[Row] = []
    for size, group in groups.items():
        rows.append(of_model(size, group, options))
        print(rows[-1], flush=True)
    size, group = max(groups.items())
    if size > 1:
        trial = Trial(size, options.heads, options.width, 3, LENGTHS, options.backend, 5)
        for job in ((layers, size, 20 * options.repeats), *((each, trial) for each in TRIALS)):
            found: list[Row] = group.run(*job)[0]
            rows += found
            print(*found, sep="\n", flush=True)
    for group in groups.values():
        group.stop()
    if options.json:
        save(options.json, rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--width", type=int, default=64, help="of one head")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ranks", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def of_model(size: int, group: Ranks, options: argparse.Namespace) -> Row:
    """The row of the model over so many ranks: that of the slowest."""
    unit = (options.tokens + 64) * options.heads * options.width * 4
    shape = (options.tokens, options.heads, options.width)
    found: list[Measured] = group.run(measure, size, *shape, options.repeats)
    most = asdict(max(found, key=lambda each: each.wall))
    return {"part": "model", "ranks": size, **most, "sent": most["sent"] / unit}


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


def layers(size: int, repeats: int) -> list[Row]:
    """Processor time of two small layers, over those of one process."""
    alone, plain, distributed = (feed_forward() for _ in range(3))
    mesh = Mesh.of(ParallelismConfig(tp_size=size))
    TensorParallel(plain, PAIR, mesh, mesh.tp).install()
    styles: Any = {"0": ColwiseParallel(), "2": RowwiseParallel()}
    parallelize_module(distributed, init_device_mesh("cpu", (size,)), styles)
    value = torch.randn(1, 4, 64)
    dist.broadcast(value, 0)
    return [
        {
            "part": "layers",
            "parts": parts,
            "processor": ratios(lambda: alone(value), lambda: made(value), repeats)[1],  # noqa: B023
        }
        for parts, made in ((PLAIN, plain), (DTENSOR, distributed))
    ]


def feed_forward() -> nn.Module:
    """Two layers so small that what is around them shows."""
    made = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))
    return made.requires_grad_(False)


if __name__ == "__main__":
    main()
