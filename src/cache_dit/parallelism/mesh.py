"""The ranks as a mesh ("ring", "ulysses", "tp"), repeated for every replica of the model."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch.distributed as dist

from ..comm import Channel, SyncGroup
from .config import ParallelismConfig
from .groups import groups, initialised, mend, once_in_a_world

AXES = ("ring", "ulysses", "tp")


@dataclass(frozen=True)
class Mesh:
    """This process's place in the mesh.

    Attributes:
        ring: ranks that pass keys and values around.
        ulysses: ranks that exchange heads for sequence parts.
        tp: ranks that share the width of linear layers.
        context: ranks among which a sequence is split: ring times ulysses, ulysses innermost.
        sample: all ranks that work on the same sample.
    """

    ring: Channel
    ulysses: Channel
    tp: Channel
    context: Channel
    sample: Channel

    @property
    def sync(self) -> SyncGroup:
        """The ranks that must decide alike."""
        return SyncGroup(self.sample)

    def neighbours(self, count: int) -> Channel:
        """So many of the ranks of this sample, one after another; collective over the world.

        ``count`` divides the number of those ranks.
        """
        whole = count == self.sample.size
        return self.sample if whole else _neighbours(count)

    @classmethod
    def of(cls, config: ParallelismConfig) -> Mesh:
        """The mesh of these sizes; collective over the world when it is made the first time.

        A world of several times as many ranks holds as many replicas, of consecutive ranks.

        Raises:
            ValueError: the sizes do not fit the world, or the world is not initialised.
        """
        sizes = _sizes(config)
        if prod(sizes) == 1 and not initialised():
            return cls(*(Channel() for _ in range(5)))
        if not initialised():
            raise ValueError(
                f"ParallelismConfig: {_product(sizes)} needs {prod(sizes)} ranks, but "
                "torch.distributed is not initialised. Start with torchrun and call "
                "torch.distributed.init_process_group first."
            )
        world = dist.get_world_size()
        if world % prod(sizes):
            raise ValueError(
                f"ParallelismConfig: {_product(sizes)} needs {prod(sizes)} ranks (or a multiple, "
                f"for replicas), but the world has {world}. Choose sizes whose product divides "
                f"{world}."
            )
        mend()
        return _mesh(sizes)


def _sizes(config: ParallelismConfig) -> tuple[int, int, int]:
    given = [getattr(config, f"{name}_size") for name in AXES]
    known = [1 if size in (None, "auto") else int(size) for size in given]
    if given.count("auto") > 1:
        raise ValueError("ParallelismConfig: only one size can be 'auto'. Give the others.")
    if "auto" in given:
        world = dist.get_world_size() if initialised() else 1
        if world % prod(known):
            raise ValueError(
                f"ParallelismConfig: the other sizes multiply to {prod(known)}, which does not "
                f"divide the {world} ranks, so that 'auto' has no value. Choose others."
            )
        known[given.index("auto")] = world // prod(known)
    ring, ulysses, tp = known
    return ring, ulysses, tp


def _product(sizes: tuple[int, ...]) -> str:
    return " x ".join(f"{name}_size={size}" for name, size in zip(AXES, sizes, strict=True))


@once_in_a_world
def _mesh(sizes: tuple[int, int, int]) -> Mesh:
    def channel(ring: bool, ulysses: bool, tp: bool) -> Channel:
        return _channel(sizes, (ring, ulysses, tp))

    return Mesh(
        ring=channel(True, False, False),
        ulysses=channel(False, True, False),
        tp=channel(False, False, True),
        context=channel(True, True, False),
        sample=channel(True, True, True),
    )


def _channel(sizes: tuple[int, int, int], along: tuple[bool, bool, bool]) -> Channel:
    """The ranks that differ from this one only along some axes."""
    strides = (sizes[1] * sizes[2], sizes[2], 1)
    lines: dict[tuple[int, ...], list[int]] = {}
    for rank in range(dist.get_world_size()):
        place = [rank // stride % size for stride, size in zip(strides, sizes, strict=True)]
        fixed = [-1 if free else at for free, at in zip(along, place, strict=True)]
        lines.setdefault((rank // prod(sizes), *fixed), []).append(rank)
    return groups().own(lines.values())


@once_in_a_world
def _neighbours(count: int) -> Channel:
    firsts = range(0, dist.get_world_size(), count)
    return groups().own(list(range(first, first + count)) for first in firsts)
