"""What modules take and return beside tensors: tuples, lists and mappings, of whatever class."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any


def contents(value: Any) -> list[Any] | None:
    """What is in a tuple, list or mapping, in order; None for anything else."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, (tuple, list)) else None


def with_contents(value: Any, changed: Sequence[Any]) -> Any:
    """A container like ``value``, of its class and with its names, that has other contents."""
    if isinstance(value, Mapping):
        new = copy.copy(value) if isinstance(value, MutableMapping) else dict(value)
        for key, each in zip(list(value), changed, strict=True):
            new[key] = each
        return new
    return value._make(changed) if hasattr(value, "_make") else type(value)(changed)
