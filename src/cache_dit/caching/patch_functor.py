"""An escape hatch: change a transformer before it is cached, and change it back afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import nn


class PatchFunctor(ABC):
    """Adapts a transformer whose forward the cache cannot see through.

    No model that ships with this package needs one. Whatever `apply` writes on the transformer or
    its modules (a ``forward`` of their own, say) is undone when the cache is disabled.
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
        return undo


class Undo:
    """Restores the instance attributes that all modules of a model have now."""

    def __init__(self, model: nn.Module) -> None:
        self._attributes = [(module, dict(vars(module))) for module in model.modules()]

    def __call__(self) -> None:
        """Put every attribute back."""
        for module, attributes in self._attributes:
            vars(module).clear()
            vars(module).update(attributes)
