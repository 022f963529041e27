"""Which session an object that a user holds belongs to."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import Any

from torch import nn

from ..intercept import unwrapped
from .block_adapters.block_adapter import BlockAdapter
from .session import CacheSession

_sessions: dict[int, tuple[weakref.ref[Any], CacheSession]] = {}  # by id: not all can be hashed


def put_in_place(session: CacheSession, target: Any, adapter: BlockAdapter) -> None:
    """Install a session in the place of what its transformers, or its target, had before.

    From now on target, adapter, pipeline and transformers stand for it, as long as they live; one
    that cannot be referenced weakly is known by its transformers. The pipelines of former sessions
    are followed too: they call the same transformers. On an error everything is as it was.

    Raises:
        RuntimeError: another library forbids to take a former session off.
    """
    replaced = list(dict.fromkeys([*sessions_of(target), *sessions_of(adapter)]))
    shared = session.modules()
    ended: list[CacheSession] = []
    try:
        for old in replaced:
            session.follow_those_of(old)
            whole = any(_stands_for(each, old) for each in (target, adapter))
            old.uninstall(None if whole else shared)
            ended.append(old)
        session.install()
    except BaseException:
        for old in ended:
            old.install()
        raise
    for old in ended:
        if not old.drop_uninstalled():
            forget(old)
    for each in (target, adapter, adapter.pipe, *shared):
        with suppress(TypeError):
            _sessions[id(each)] = weakref.ref(each, partial(_drop, id(each))), session


def sessions_of(target: Any) -> list[CacheSession]:
    """All sessions that a pipeline, adapter or transformer stands for, directly or by its parts."""
    known = [_sessions.get(id(each)) for each in (target, *_parts(target))]
    return list(dict.fromkeys(each[1] for each in known if each is not None))


def forget(session: CacheSession) -> None:
    """Nothing stands for this session any more."""
    for key in [key for key, (_, known) in _sessions.items() if known is session]:
        del _sessions[key]


def _stands_for(target: Any, session: CacheSession) -> bool:
    """Whether a pipeline or adapter, not a transformer of several, is what was enabled."""
    known = _sessions.get(id(target))
    return known is not None and known[1] is session and not isinstance(target, nn.Module)


def _drop(key: int, reference: weakref.ref[Any]) -> None:
    _sessions.pop(key, None)


def _parts(target: Any) -> list[Any]:
    """The transformers of a pipeline or adapter."""
    if isinstance(target, nn.Module):
        return [unwrapped(target)]
    if isinstance(target, BlockAdapter):
        given = target.transformer if target.transformer is not None else target.pipe
        given = given if isinstance(given, (list, tuple)) else [given]
        given = [each for each in given if each is not None]
        return [part for each in given for part in (each, *_parts(each))]
    components = getattr(target, "components", None)
    if not isinstance(components, dict):
        components = getattr(target, "__dict__", {})
    modules = [each for each in components.values() if isinstance(each, nn.Module)]
    return [part for each in modules for part in (each, *_parts(each))]
