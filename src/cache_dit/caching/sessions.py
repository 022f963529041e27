"""Which session an object that a user holds belongs to."""

from __future__ import annotations

import weakref
from contextlib import suppress
from functools import partial
from typing import Any

from torch import nn

from .block_adapters.block_adapter import BlockAdapter
from .session import CacheSession

_sessions: dict[int, tuple[weakref.ref[Any], CacheSession]] = {}  # by id: not all can be hashed


def remember(session: CacheSession, *objects: Any) -> None:
    """These objects now stand for this session, as long as they live.

    One that cannot be referenced weakly is left out; it is known by its parts.
    """
    for each in objects:
        with suppress(TypeError):
            _sessions[id(each)] = weakref.ref(each, partial(_drop, id(each))), session


def sessions_of(target: Any) -> list[CacheSession]:
    """All sessions that a pipeline, adapter or transformer stands for, directly or by its parts."""
    known = [_sessions.get(id(each)) for each in (target, *parts(target))]
    return list(dict.fromkeys(each[1] for each in known if each is not None))


def forget(session: CacheSession) -> None:
    """Nothing stands for this session any more."""
    for key in [key for key, (_, known) in _sessions.items() if known is session]:
        del _sessions[key]


def _drop(key: int, reference: weakref.ref[Any]) -> None:
    _sessions.pop(key, None)


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
