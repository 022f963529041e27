"""When one rank fails in the middle of a call, the others say which, instead of that it is gone."""

from __future__ import annotations

from itertools import count

import torch.distributed as dist

from ..comm import Channel

_numbers = count()  # alike on all ranks, which spread the same models in the same order


class Failures:
    """What the ranks of a channel tell each other about errors, call by call.

    A rank that waits for one that failed is told by the backend that the connection is gone, or
    that time is up (see `mesh.TIMEOUT`); neither says why.
    """

    def __init__(self, name: str, channel: Channel) -> None:
        self.name = name
        self.channel = channel
        self.call = 0
        self.number = next(_numbers) if channel.size > 1 else 0

    def begin_call(self) -> None:
        """Errors from now on belong to another call."""
        self.call += 1

    def explained(self, error: BaseException) -> BaseException:
        """``error``, or in its place one that names the rank on which everything began."""
        if self.channel.size == 1:
            return error
        store = dist.distributed_c10d._get_default_store()
        key = f"cache_dit/failed/{self.name}/{self.channel.ranks[0]}/{self.number}/{self.call}"
        own = str(dist.get_rank())
        said = f"{own} {type(error).__name__}: {error}"
        try:
            first = store.compare_set(key, "", said).decode()
        except RuntimeError:  # the rank that keeps the store is gone as well
            return error
        rank, _, what = first.partition(" ")
        if rank == own or not isinstance(error, RuntimeError):
            return error
        return RuntimeError(f"{self.name}: rank {rank} failed, and this one cannot go on. {what}")
