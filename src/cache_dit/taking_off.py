"""Everything is taken off a model again; where something cannot be, the rest is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .attention_backend import set_back
from .caching.known_sessions import forget, sessions_of
from .parallelism import restore
from .targets import transformers_of


def take_all_off(target: Any) -> None:
    """Take cache, parallelism and attention backend off a pipeline, adapter or transformer.

    Raises:
        RuntimeError: something could not be taken off; the message says what, and all else is off.
    """
    stuck: list[tuple[str, Exception]] = []
    for session in sessions_of(target):
        failed = session.uninstall_what_can_be()
        stuck += [(f"the cache of {name}", error) for name, error in failed]
        if not failed:
            forget(session)
    for transformer in transformers_of(target):
        name = type(transformer).__name__
        stuck += _attempt(f"the parallelism of {name}", restore, transformer)
        stuck += _attempt(f"the attention backend of {name}", set_back, transformer)
    if stuck:
        what = " ".join(
            f"{what[0].upper()}{what[1:]}: {type(error).__name__}: {error}" for what, error in stuck
        )
        raise RuntimeError(
            f"disable_cache: {' and '.join(each for each, _ in stuck)} could not be taken off; all "
            f"else is off. {what} Undo what stands in the way, and call it again."
        ) from stuck[0][1]


def _attempt(
    what: str, undo: Callable[[Any], None], transformer: Any
) -> list[tuple[str, Exception]]:
    try:
        undo(transformer)
    except Exception as error:
        return [(what, error)]
    return []
