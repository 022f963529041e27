"""One registry for everything that is looked up by the name of a model's class."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Generic, TypeVar

from .closest import hint

T = TypeVar("T")


class Registry(Generic[T]):
    """Maps class-name prefixes to entries; the longest matching prefix wins.

    An object is looked up by the class names along its MRO, most derived first, so a subclass of a
    supported class is supported. ``builtins`` names the module whose import registers the entries
    that ship with the package; it is imported at the first look-up. With ``whole_names`` an entry
    stands for the class of that very name only.
    """

    def __init__(
        self, kind: str, builtins: str | None = None, *, whole_names: bool = False
    ) -> None:
        self.kind = kind  # as it reads in messages: "context-parallel planner"
        self._fits: Callable[[str, str], bool] = str.__eq__ if whole_names else str.startswith
        self._builtins = builtins
        self._entries: dict[str, T] = {}

    def register(self, *prefixes: str) -> Callable[[T], T]:
        """Decorator that stores an entry under one or more class-name prefixes.

        It raises `ValueError` where another entry has one of them.
        """

        def add(entry: T) -> T:
            for prefix in prefixes:
                if self._entries.get(prefix, entry) is not entry:
                    raise ValueError(
                        f"A {self.kind} named {prefix!r} is registered already. "
                        f"Choose a longer prefix, or unregister({prefix!r}) first."
                    )
            self._entries.update(dict.fromkeys(prefixes, entry))
            return entry

        return add

    def unregister(self, *prefixes: str) -> None:
        """Forget entries; unknown prefixes are an error."""
        self._load()
        for prefix in prefixes:
            if prefix not in self._entries:
                raise ValueError(self._missing(prefix))
        for prefix in prefixes:
            del self._entries[prefix]

    def matches(self, target: object) -> Iterator[T]:
        """Entries that fit ``target`` (an object or a class name), the most specific first."""
        self._load()
        names = [target] if isinstance(target, str) else [c.__name__ for c in type(target).__mro__]
        for name in names:
            fitting = [prefix for prefix in self._entries if self._fits(name, prefix)]
            for prefix in sorted(fitting, key=len, reverse=True):
                yield self._entries[prefix]

    def find(self, target: object) -> T | None:
        """The most specific entry for ``target``, or None."""
        return next(self.matches(target), None)

    def get(self, target: object) -> T:
        """The most specific entry for ``target``; raises `ValueError` naming the closest ones."""
        if (entry := self.find(target)) is not None:
            return entry
        raise ValueError(
            self._missing(target if isinstance(target, str) else type(target).__name__)
        )

    def names(self) -> list[str]:
        """All registered prefixes, sorted."""
        self._load()
        return sorted(self._entries)

    def _missing(self, name: str) -> str:
        return (
            f"No {self.kind} for {name}.{hint(name, self._entries)} "
            f"{len(self._entries)} are registered; add one with @register({name!r})."
        )

    def _load(self) -> None:
        if self._builtins:
            module, self._builtins = self._builtins, None
            import_module(module)
