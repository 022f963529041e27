"""What a library may leave behind on a model: classes and attributes of all its modules."""

from __future__ import annotations

from typing import Any

from torch import nn

Traces = dict[str, Any]
"""``module.attribute`` -> value, and ``module.__class__`` -> class."""


def traces(model: nn.Module) -> Traces:
    """Class and attributes of every module; containers are copied, their contents are not."""
    found: Traces = {}
    for name, module in model.named_modules():
        found[f"{name}.__class__"] = type(module)
        for attribute, value in vars(module).items():
            found[f"{name}.{attribute}"] = _copied(value)
    return found


def differences(before: Traces, after: Traces) -> set[str]:
    """Names of what was added, removed or replaced."""
    changed = {
        name for name in before.keys() & after.keys() if not _same(before[name], after[name])
    }
    return changed | (before.keys() ^ after.keys())


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return dict(value)
    return type(value)(value) if type(value) in (list, set) else value


def _same(one: Any, other: Any) -> bool:
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(map(_same, one.values(), other.values()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, (int, float, str, set, frozenset)) and one == other
