"""Take back what somebody else's code writes on objects."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from .intercept import original_class

_ABSENT: Any = object()


@dataclass(frozen=True)
class Change:
    """An entry of an object's attributes, or of a dictionary among these, that was written.

    Attributes:
        owner: the object; not kept alive.
        name: how messages call it.
        inside: the attribute that is the dictionary; None for the attributes themselves.
        key: of the entry.
        before: what was there.
        after: gives the code that was put there, which is not kept alive; None for anything else.
    """

    owner: weakref.ref[Any]
    name: str
    inside: str | None
    key: Any
    before: Any
    after: Callable[[], Any]

    def check(self) -> None:
        """Raise `RuntimeError` where code stands there that was put there later."""
        now = self._entries().get(self.key)
        if callable(now) and now is not self.after():
            by = now if hasattr(now, "__qualname__") else type(now)
            raise RuntimeError(
                f"{self.name}: its {self.key} was replaced by {by.__module__}.{by.__qualname__} "
                "after cache-dit was enabled. Undo that first, then disable cache-dit."
            )

    def take_back(self) -> None:
        """Put there what was there before."""
        entries = self._entries()
        if self.before is _ABSENT:
            entries.pop(self.key, None)
        else:
            entries[self.key] = self.before

    def _entries(self) -> dict[Any, Any]:
        attributes = {} if (owner := self.owner()) is None else vars(owner)
        return attributes if self.inside is None else attributes.get(self.inside, {})


class Undo:
    """Takes back what was changed in objects, and in all modules of models, since it was made.

    `settle` ends the recording. From then on only the changed attributes are kept, so that no
    object is kept alive, and what others change later stays.
    """

    def __init__(self, *objects: Any) -> None:
        self._before = [
            (name, part, dict(vars(part)), _dictionaries(part))
            for each in objects
            for name, part in _parts(each)
        ]
        self._changes: list[Change] = []

    def settle(self) -> None:
        """Compare with how the objects are now."""
        for name, part, attributes, contents in self._before:
            self._changes += _changes(name, part, None, attributes)
            for attribute, items in contents.items():
                if vars(part).get(attribute) is attributes[attribute]:
                    self._changes += _changes(name, part, attribute, items)
        self._before = []

    def check(self) -> None:
        """Raise `RuntimeError` where calling this would."""
        for each in self._changes:
            each.check()

    def __call__(self) -> None:
        """Put back what the objects had before.

        Raises:
            RuntimeError: code that was put there later would be lost; nothing is put back.
        """
        self.settle()
        self.check()
        for each in self._changes:
            each.take_back()
        self._changes = []


def _parts(owner: Any) -> Iterator[tuple[str, Any]]:
    name = original_class(owner).__name__
    if isinstance(owner, nn.Module):
        for path, module in owner.named_modules():
            yield f"{name}.{path}".rstrip("."), module
    else:
        yield name, owner


def _dictionaries(owner: Any) -> dict[str, dict[Any, Any]]:
    """Parameters, submodules, hooks and the like: attributes that are changed inside."""
    return {name: dict(value) for name, value in vars(owner).items() if isinstance(value, dict)}


def _changes(name: str, owner: Any, inside: str | None, before: dict[Any, Any]) -> Iterator[Change]:
    after = vars(owner) if inside is None else vars(owner)[inside]
    for key in before | after:
        was, now = before.get(key, _ABSENT), after.get(key, _ABSENT)
        if was is not now:
            yield Change(weakref.ref(owner), name, inside, key, was, _code(now))


def _code(value: Any) -> Callable[[], Any]:
    """Gives the value again, if it is code; often that refers back to the object that has it."""
    if not callable(value):
        return lambda: None
    try:
        return weakref.ref(value)
    except TypeError:  # few kinds cannot be referenced weakly
        return lambda: value
