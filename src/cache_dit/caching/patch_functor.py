"""An escape hatch: change a transformer before it is cached, and change it back afterwards."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import Any

from torch import nn


class PatchFunctor(ABC):
    """Adapts a transformer whose forward the cache cannot see through.

    No model that ships with this package needs one. Whatever `apply` writes on the transformer or
    its modules (a ``forward`` of their own, another submodule) is undone when the cache is
    disabled.
    """

    @abstractmethod
    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        """Change the transformer in place and return it."""

    def apply_undoably(self, transformer: nn.Module) -> Undo:
        """`apply`, together with what takes it back."""
        undo = Undo(transformer)
        try:
            self.apply(transformer)
        except BaseException:
            undo()
            raise
        undo.settle()
        return undo


class Undo:
    """Takes back what was changed in the modules of a model since this object was made.

    `settle` ends the recording. From then on only the changed attributes are kept, so that the
    model is not kept alive, and what others change later stays.
    """

    def __init__(self, model: nn.Module) -> None:
        self._before = [
            (module, dict(vars(module)), _dictionaries(module)) for module in model.modules()
        ]
        self._changes: list[tuple[weakref.ref[nn.Module], str | None, dict[Any, Any]]] = []

    def settle(self) -> None:
        """Compare with how the modules are now."""
        for module, attributes, contents in self._before:
            found: dict[str | None, dict[Any, Any]] = {None: _changed(attributes, vars(module))}
            for name, items in contents.items():
                if vars(module).get(name) is attributes[name]:
                    found[name] = _changed(items, vars(module)[name])
            reference = weakref.ref(module)
            self._changes += [(reference, name, each) for name, each in found.items() if each]
        self._before = []

    def __call__(self) -> None:
        """Put back what the modules had before."""
        self.settle()
        for reference, name, changes in self._changes:
            if (module := reference()) is not None:
                target = vars(module) if name is None else vars(module)[name]
                for key in [key for key, value in changes.items() if value is _ABSENT]:
                    target.pop(key, None)
                target.update((k, value) for k, value in changes.items() if value is not _ABSENT)
        self._changes = []


_ABSENT = object()


def _dictionaries(module: nn.Module) -> dict[str, dict[Any, Any]]:
    """Parameters, submodules, hooks and the like: attributes that are changed inside."""
    return {name: dict(value) for name, value in vars(module).items() if isinstance(value, dict)}


def _changed(before: dict[Any, Any], after: dict[Any, Any]) -> dict[Any, Any]:
    """The former value of every key whose value is another object now."""
    return {
        key: before.get(key, _ABSENT)
        for key in before | after
        if before.get(key, _ABSENT) is not after.get(key, _ABSENT)
    }
