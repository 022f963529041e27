"""Which session an object that a user holds belongs to."""

from __future__ import annotations

import weakref
from typing import Any

from torch import nn

from .block_adapters.block_adapter import BlockAdapter
from .session import CacheSession

_sessions: weakref.WeakKeyDictionary[Any, CacheSession] = weakref.WeakKeyDictionary()


def remember(session: CacheSession, *objects: Any) -> None:
    """These objects now stand for this session."""
    for each in objects:
        if each is not None:
            _sessions[each] = session


def sessions_of(target: Any) -> list[CacheSession]:
    """All sessions that a pipeline, adapter or transformer stands for, directly or by its parts."""
    found = [_sessions[each] for each in (target, *parts(target)) if each in _sessions]
    return list(dict.fromkeys(found))


def forget(session: CacheSession) -> None:
    """Nothing stands for this session any more."""
    for each in [key for key, known in _sessions.items() if known is session]:
        del _sessions[each]


def parts(target: Any) -> list[Any]:
    """The transformers of a pipeline or adapter."""
    if isinstance(target, nn.Module):
        return [getattr(target, "_orig_mod", target)]
    if isinstance(target, BlockAdapter):
        given = target.transformer if target.transformer is not None else target.pipe
        given = given if isinstance(given, (list, tuple)) else [given]
        given = [each for each in given if each is not None]
        return [part for each in given for part in (each, *parts(each))]
    components = getattr(target, "components", None)
    if not isinstance(components, dict):
        components = getattr(target, "__dict__", {})
    modules = [each for each in components.values() if isinstance(each, nn.Module)]
    return [part for each in modules for part in (each, *parts(each))]
