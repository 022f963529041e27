"""Something is done by all ranks of a sample, or by none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from ..comm import Channel
from .failure import RankFailed, described

if TYPE_CHECKING:
    from .planner import Applied

_T = TypeVar("_T")


def by_all_ranks(
    act: Callable[[], _T], undo: Callable[[], None], sample: Channel, consequence: str
) -> _T:
    """What ``act()`` returns, where no rank fails; ``undo()`` on every rank, where one does.

    All ranks of the sample must enter. Without asking the others, a rank that fails would leave
    them waiting in the next exchange.

    Args:
        act: what is done; it may end half-way.
        undo: takes back what was done of it.
        sample: the ranks.
        consequence: what those say that did not fail, with ``{rank}`` for the one that did.

    Raises:
        RankFailed: another rank could not; the message says which, and why.
    """
    try:
        return _agreed(act, sample, consequence)
    except BaseException:
        undo()
        raise


def install(applied: Applied) -> None:
    """Put it on; where one rank cannot, no rank does. All ranks of the sample must enter.

    Raises:
        RankFailed: another rank could not; the message says which, and why.
    """
    by_all_ranks(
        applied.install,
        applied.uninstall,
        applied.mesh.sample,
        f"{applied.name}: rank {{rank}} could not be spread, so that this one is not either.",
    )


def _agreed(act: Callable[[], _T], sample: Channel, consequence: str) -> _T:
    try:
        output = act()
    except BaseException as error:
        sample.gather_objects(described(error))
        raise
    told = sample.gather_objects("")
    for rank, what in zip(sample.ranks, told, strict=True):
        if what:
            raise RankFailed(f"{consequence.format(rank=rank)} {what}")
    return output
