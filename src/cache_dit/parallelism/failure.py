"""When one rank fails in the middle of a call, the others say which, where and why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count
from traceback import walk_tb
from typing import Any

import torch.distributed as dist
from torch import nn

from ..comm import Channel
from ..intercept import Call, Interception, intercept, uncompiled
from .groups import groups, store

FAILURE_LEVEL = 200  # around everything else
PATIENCE = 5.0
"""Seconds in which ranks that have lost an exchange wait for word of the others."""

_BENEATH = (  # what a model's code calls: its line says more than theirs
    "torch",
    "diffusers.models.attention_dispatch",
    "cache_dit.parallelism",
    "cache_dit.caching",
    "cache_dit.intercept",
    "cache_dit.verify",
)
_numbers = count()  # alike on all ranks, which spread the same models in the same order


class RankFailed(RuntimeError):
    """Another rank has failed, so that this one cannot go on."""


def watch(module: nn.Module, channel: Channel) -> list[Interception]:
    """What makes a module's errors name the rank on which they began, if there are several."""
    if channel.size == 1:
        return []
    around = uncompiled(Failures(type(module).__name__, channel).around)
    return [intercept(module, level=FAILURE_LEVEL, __call__=around)]


class Failures:
    """What the ranks of a channel tell each other about errors, call by call.

    A rank that waits for one that failed is told by the backend that the connection is gone, or
    that time is up (see `groups.TIMEOUT`); neither says why.
    """

    def __init__(self, name: str, channel: Channel) -> None:
        self.name = name
        self.channel = channel
        self.call = 0
        self.good = False  # the call before, on this rank
        self.number = next(_numbers)

    def around(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make a call; an exchange that fails says which rank was the cause."""
        self.call += 1
        try:
            output = call(*args, **kwargs)
            self.good = True
            return output
        except RankFailed:
            self.good = False
            raise
        except Exception as error:
            explained = self.explained(error)
            self.good = False
            if explained is error:
                raise
            raise explained from error

    def explained(self, error: Exception) -> Exception:
        """``error``, or in its place one that names the rank on which everything began."""
        own, lost = dist.get_rank(), in_an_exchange(error)
        try:
            groups().spoil()
            store().set(self._key(own, self.call), "" if lost else described(error))
            said = self._heard() if lost else {}
        except RuntimeError:
            return RankFailed(
                f"{self.name}: the rank that keeps the store of torch.distributed has failed, and "
                f"this one cannot go on. {error}"
            )
        for rank, what in said.items():
            if what:
                return RankFailed(
                    f"{self.name}: rank {rank} failed, and this one cannot go on. {what}"
                )
        silent = [rank for rank in self.channel.ranks if rank not in said] if lost else []
        if silent:
            return RankFailed(
                f"{self.name}: rank {silent[0]} did not come to this exchange, and says nothing: "
                f"its process has ended, or it failed outside of the model. {error}"
            )
        return error

    def _key(self, rank: int, call: int) -> str:
        first = self.channel.ranks[0]
        return f"cache_dit/failed/{self.name}/{first}/{self.number}/{call}/{rank}"

    def _heard(self) -> dict[int, str]:
        """What ranks say of this call; empty where they have lost an exchange, too.

        One that raised behind the last exchange of the call before did not come to this one.
        """
        until = time.monotonic() + PATIENCE
        calls = range(self.call - self.good, self.call + 1)
        keys = [(rank, self._key(rank, call)) for call in calls for rank in self.channel.ranks]
        while True:
            said = {rank: store().get(key).decode() for rank, key in keys if store().check([key])}
            done = any(said.values()) or len(said) == self.channel.size
            if done or time.monotonic() > until:
                return said
            time.sleep(0.05)


def described(error: BaseException) -> str:
    """The kind of an error, what it says, and in which module and line it was raised."""
    found = where(error)
    return f"{type(error).__name__}: {error}" + (f" (raised in {found})" if found else "")


def where(error: BaseException) -> str:
    """The innermost module by its dotted name, and the line of the model's code.

    Empty where the error was not raised within a module.
    """
    root, names = "", dict[int, str]()
    module, line = "", ""
    for frame, name, number in _frames(error):
        owner = frame.f_locals.get("self")
        if isinstance(owner, nn.Module) and not names:
            root, names = type(owner).__name__, {id(m): n for n, m in owner.named_modules()}
        module = names.get(id(owner), "") or module
        if names and not _is_one_of(name, _BENEATH):
            line = f", line {number} of {name}"
    return f"{root}.{module}".rstrip(".") + line if root else ""


def in_an_exchange(error: BaseException) -> bool:
    """Whether it was raised where ranks wait for each other: others may have failed before."""
    *_, (_, innermost, _) = _frames(error)
    return _is_one_of(innermost, ("cache_dit.comm", "torch.distributed"))


def _frames(error: BaseException) -> Iterator[tuple[Any, str, int]]:
    """(frame, its Python module, line), the outermost first."""
    for frame, number in walk_tb(error.__traceback__):
        yield frame, frame.f_globals.get("__name__", ""), number


def _is_one_of(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in packages)
