"""Tiles of autoencoders over ranks: memory of each rank, against that of one process.

    python benchmarks/vae_parallel.py --ranks 2 4

Memory is the most that tensors take at once, beyond weights and input, counted operation by
operation; so it does not depend on the machine. Times are not measured: with one core for each rank
they follow the largest share of the work, which is printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from record import Row, save
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize
from cache_dit.parallelism.tile_parallel import TileParallel
from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes, squares
from cache_dit.verify.ranks import Ranks

RATIOS = ("per_untiled", "per_tiled", "per_output")
"""The most bytes at once, over those of one process without tiles, with tiles, of the output."""


@dataclass(frozen=True)
class Subject:
    """An autoencoder and what it decodes."""

    what: str
    entry: AutoencoderEntry


SUBJECTS = (
    Subject(
        "AutoencoderKL, 512 x 512 pixels, tiles of 128",
        AutoencoderEntry(
            class_name="AutoencoderKL",
            config={
                "block_out_channels": (8, 16, 32, 32),
                "down_block_types": ("DownEncoderBlock2D",) * 4,
                "up_block_types": ("UpDecoderBlock2D",) * 4,
                "latent_channels": 4,
                "layers_per_block": 1,
                "norm_num_groups": 4,
                "sample_size": 128,
            },
            shapes=Shapes((3, 512, 512), (4, 64, 64), (3, 128, 128), (4, 16, 16)),
            dtype=torch.float32,
        ),
    ),
    Subject(
        "AutoencoderKLWan, 9 frames of 256 x 256 pixels, tiles of 96",
        AutoencoderEntry(
            class_name="AutoencoderKLWan",
            config={"base_dim": 8, "z_dim": 4, "dim_mult": [1, 2, 4, 4], "num_res_blocks": 1},
            shapes=Shapes((3, 9, 256, 256), (4, 3, 32, 32), (3, 9, 96, 96), (4, 3, 12, 12)),
            attributes=squares(96, 72),
            dtype=torch.float32,
        ),
    ),
)


class Memory(TorchDispatchMode):
    """Counts the bytes of all tensors that operations within it make, but for given ones."""

    def __init__(self, known: list[torch.Tensor]) -> None:
        super().__init__()
        self.peak = 0
        self._known = {StorageWeakRef(each.untyped_storage()) for each in known}
        self._live: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        self._live = {ref: size for ref, size in self._live.items() if not ref.expired()}
        for each in tree_leaves(output):
            if isinstance(each, torch.Tensor):
                storage = each.untyped_storage()
                if (ref := StorageWeakRef(storage)) not in self._known:
                    self._live[ref] = storage.nbytes()
        self.peak = max(self.peak, sum(self._live.values()))
        return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, nargs="*", default=[2, 4])
    parser.add_argument("--subjects", type=int, default=len(SUBJECTS), help="only the first ones")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    rows = []
    print(f"{'':24}{'/ untiled':>12}{'/ tiled':>12}{'/ output':>12}{'largest share':>16}")
    for number, subject in enumerate(SUBJECTS[: options.subjects]):
        print(subject.what)
        for row in measured(number, options.ranks):
            rows.append(row)
            ratios = "".join(f"{row[key]:12.2f}" for key in RATIOS)
            print(f"{row['over']:>24}{ratios}{row['largest_share']:16.2f}", flush=True)
    if options.json:
        save(options.json, rows)


def measured(number: int, sizes: list[int]) -> Iterator[Row]:
    """The rows of one subject: one process without and with tiles, then over ranks."""
    untiled, tiled, output = alone(number)

    def row(over: str, peak: int, share: float) -> Row:
        ratios = (peak / untiled, peak / tiled, peak / output)
        figures = dict(zip(RATIOS, ratios, strict=True))
        return {"what": SUBJECTS[number].what, "over": over, **figures, "largest_share": share}

    yield row("one process, untiled", untiled, 1.0)
    yield row("one process, tiled", tiled, 1.0)
    for size in sizes:
        group = Ranks(size, patience=600)
        outcomes = group.run(together, number)
        group.stop()
        yield row(f"{size} ranks", *(max(each[at] for each in outcomes) for at in (0, 1)))


def alone(number: int) -> tuple[int, int, int]:
    """Bytes in one process: without tiles, with tiles, and of the output."""
    entry = SUBJECTS[number].entry
    vae = entry.build()
    untiled, output = _peak(vae, entry)
    vae.enable_tiling()
    return untiled, _peak(vae, entry)[0], output


def together(number: int) -> tuple[int, float]:
    """Bytes on this rank, and the largest share of the work."""
    entry = SUBJECTS[number].entry
    vae = entry.build()
    parallelize([], ParallelismConfig(ulysses_size=dist.get_world_size()), [vae])
    (parallel,) = parallelism_of(vae)
    assert isinstance(parallel, TileParallel)
    peak, _ = _peak(vae, entry)
    assert parallel.last is not None
    return peak, max(parallel.last.loads) / sum(parallel.last.loads)


def _peak(vae: Any, entry: AutoencoderEntry) -> tuple[int, int]:
    latent = entry.input("decode")
    known = [latent, *vae.parameters(), *vae.buffers()]
    with torch.no_grad(), Memory(known) as memory:
        output = vae.decode(latent).sample
    return memory.peak, output.nbytes


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
