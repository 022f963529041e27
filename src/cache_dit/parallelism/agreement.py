"""Something is put on a module by all ranks of a sample, or by none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .failure import RankFailed, described

if TYPE_CHECKING:
    from .planner import Applied


def install(applied: Applied) -> None:
    """Put it on; where one rank cannot, no rank does. All ranks of the sample must enter.

    Without asking the others, a rank that fails would leave them waiting in the first exchange.

    Raises:
        RankFailed: another rank could not; the message says which, and why.
    """
    try:
        _agree(applied, _attempt(applied))
    except BaseException:
        applied.uninstall()
        raise


def _attempt(applied: Applied) -> BaseException | None:
    try:
        applied.install()
    except BaseException as error:
        return error
    return None


def _agree(applied: Applied, failure: BaseException | None) -> None:
    sample = applied.mesh.sample
    told = sample.gather_objects("" if failure is None else described(failure))
    if failure is not None:
        raise failure
    for rank, what in zip(sample.ranks, told, strict=True):
        if what:
            raise RankFailed(
                f"{applied.name}: rank {rank} could not be spread, so that this one is not either. "
                f"{what}"
            )
