"""The processes that torchrun started, for commands that work alone as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Place:
    """This process among those that were started together.

    Attributes:
        rank: its number.
        size: how many there are.
        device: where its model belongs.
    """

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that prints and writes files."""
        return self.rank == 0


def started_by_torchrun() -> bool:
    """Whether this process is one of several that were started together."""
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def first_rank() -> bool:
    """Whether this is the process that prints, known before anything is initialised."""
    return int(os.environ.get("RANK", "0")) == 0


@contextmanager
def joined(device: str | None = None) -> Iterator[Place]:
    """Within it the processes that torchrun started can talk; alone, nothing is initialised.

    What is initialised already stays so afterwards.

    Args:
        device: such as ``"cpu"``; None takes a GPU of its own for each process, where there are
            GPUs.

    Raises:
        ValueError: no such device.
    """
    chosen = _device(device)
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    starts = started_by_torchrun() and not dist.is_initialized()
    if starts:
        dist.init_process_group("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo")
    try:
        together = dist.is_initialized()
        rank, size = (dist.get_rank(), dist.get_world_size()) if together else (0, 1)
        yield Place(rank, size, chosen)
    finally:
        if starts:
            dist.destroy_process_group()


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError:
        raise ValueError(f"device {name!r}: unknown. Use cpu, cuda, or cuda:0, say.") from None
    if device.type != "cuda":
        return device
    index = int(os.environ.get("LOCAL_RANK", "0")) if device.index is None else device.index
    if index >= (count := torch.cuda.device_count()):
        raise ValueError(
            f"device cuda:{index}: torch finds {count} GPUs here. Use cpu, or one of those."
        )
    return torch.device("cuda", index)
