"""The process groups of this world: each is made once, and anew after an exchange has failed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import torch.distributed as dist

from ..comm import Channel

TIMEOUT = timedelta(seconds=float(os.environ.get("CACHE_DIT_TIMEOUT", "600")))
"""How long a rank waits for the others before it gives up."""

_Make = TypeVar("_Make", bound=Callable[..., Any])
_made: WeakKeyDictionary[dist.ProcessGroup, dict[Any, Any]] = WeakKeyDictionary()


def once_in_a_world(make: _Make) -> _Make:
    """What ``make`` returns, made once for each set of arguments; it ends with the world."""

    @wraps(make)
    def kept(*arguments: Any) -> Any:
        world = dist.group.WORLD
        assert world is not None
        known, key = _made.setdefault(world, {}), (make, *arguments)
        if key not in known:
            known[key] = make(*arguments)
        return known[key]

    return kept  # type: ignore[return-value]


class Groups:
    """Those of one world.

    Of NCCL, each has threads and memory of its own, and none is ever given back: channels of the
    same ranks share one. A backend closes for good what an exchange has failed on.
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[int, ...], dist.ProcessGroup] = {}
        self._channels: list[Channel] = []
        self._mended = 0

    def own(self, lines: Iterable[list[int]]) -> Channel:
        """That of several lists of ranks which this one is in; every rank makes every group."""
        own = Channel()
        for ranks in map(tuple, lines):
            if len(ranks) > 1 and ranks not in self._groups:
                self._groups[ranks] = dist.new_group(list(ranks), timeout=TIMEOUT)
            if dist.get_rank() in ranks:
                own = Channel(self._groups.get(ranks), ranks, ranks.index(dist.get_rank()))
        self._channels.append(own)
        return own

    def spoil(self) -> None:
        """An exchange may have failed: all ranks will know when they `mend`."""
        store().set(self._key, "spoilt")

    def mend(self) -> None:
        """Make all groups anew where that is needed; collective over the world then."""
        if not self._groups or not store().check([self._key]):
            return
        self._mended += 1
        for ranks in self._groups:
            self._groups[ranks] = dist.new_group(list(ranks), timeout=TIMEOUT)
        for channel in self._channels:
            channel.group = self._groups.get(channel.ranks)

    @property
    def _key(self) -> str:
        return f"cache_dit/spoilt/{self._mended}"


@once_in_a_world
def groups() -> Groups:
    """The groups of this world."""
    return Groups()


def store() -> dist.Store:
    """Where ranks leave word for each other, whatever has happened to their connections."""
    return dist.distributed_c10d._get_default_store()


def initialised() -> bool:
    """Whether there is a world."""
    return dist.is_available() and dist.is_initialized()


def mend() -> None:
    """Make the groups of the world anew if an exchange has failed; collective over it then."""
    if initialised():
        groups().mend()
