"""What the tests of tiles run on every rank at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.tile_parallel import TileParallel
from cache_dit.verify import autoencoders
from cache_dit.verify.traces import differences, traces


def spread(name: str) -> tuple[Any, TileParallel]:
    """A tiny autoencoder over all ranks."""
    vae = autoencoders.TILED[name].build()
    parallelize([], ParallelismConfig(ulysses_size=dist.get_world_size()), [vae])
    (parallel,) = parallelism_of(vae)
    assert isinstance(parallel, TileParallel)
    return vae, parallel


def decode(name: str, vae: Any, rows: int | None = None) -> torch.Tensor:
    """A decoded picture; of so many rows only."""
    return vae.decode(autoencoders.TILED[name].input("decode")[..., :rows, :]).sample


def said_when_a_tile_fails(rank: int) -> tuple[str, float]:
    """What every rank says when one of them fails, and how far off its next result is."""
    name = "AutoencoderKL"
    vae, _ = spread(name)
    alone = autoencoders.TILED[name].build()
    alone.enable_tiling()

    def fail(*_: Any) -> None:
        raise ArithmeticError("no memory left for this tile")

    hook = (
        vae.decoder.mid_block.register_forward_pre_hook(fail) if dist.get_rank() == rank else None
    )
    try:
        decode(name, vae)
        said = ""
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
    if hook is not None:
        hook.remove()
    return said, float((decode(name, vae) - decode(name, alone)).abs().max())


def said_of_other_shapes() -> str:
    """What every rank says when they are given different inputs."""
    vae, _ = spread("AutoencoderKL")
    try:
        decode("AutoencoderKL", vae, 16 - 4 * dist.get_rank())
    except RuntimeError as error:
        return str(error)
    return ""


def traces_left(name: str) -> set[str]:
    """What differs after an autoencoder, whose tiling is off, was spread and restored."""
    vae = autoencoders.TILED[name].build()
    before = traces(vae)
    parallelize([], ParallelismConfig(ulysses_size=dist.get_world_size()), [vae])
    assert vae.use_tiling
    restore(vae)
    return differences(before, traces(vae))


@dataclass(frozen=True)
class Traffic:
    """What it took to decode a picture.

    Attributes:
        sent: bytes, by this rank.
        made: bytes of the tiles that this rank computed.
        computed: how many these are.
        messages: that travelled, of all ranks.
        same: whether the picture is that of one process, bit by bit.
    """

    sent: int
    made: int
    computed: int
    messages: int
    same: bool


def traffic() -> Traffic:
    """What it takes to decode a picture in nine tiles."""
    vae, parallel = spread("AutoencoderKL")
    alone = autoencoders.TILED["AutoencoderKL"].build()
    alone.enable_tiling()
    made: list[int] = []
    vae.decoder.register_forward_hook(lambda module, args, out: made.append(out.nbytes))
    channel = parallel.mesh.sample
    sent, calls = channel.bytes_sent, channel.calls
    picture = decode("AutoencoderKL", vae)
    return Traffic(
        sent=channel.bytes_sent - sent,
        made=sum(made),
        computed=parallel.computed,
        messages=channel.calls - calls,
        same=torch.equal(picture, decode("AutoencoderKL", alone)),
    )


def replicas() -> tuple[float, int]:
    """With two ranks for each sample: this rank's error, and how many tiles its sample has."""
    name = "AutoencoderKL"
    vae, alone = autoencoders.TILED[name].build(), autoencoders.TILED[name].build()
    alone.enable_tiling()
    parallelize([], ParallelismConfig(ulysses_size=2), [vae])
    (parallel,) = parallelism_of(vae)
    assert isinstance(parallel, TileParallel)
    rows = 16 - 5 * (dist.get_rank() // 2)
    error = float((decode(name, vae, rows) - decode(name, alone, rows)).abs().max())
    assert parallel.last is not None
    return error, len(parallel.last.owners)
