"""An escape hatch: change a transformer before it is cached, and change it back afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import nn

from ..undo import Undo


class PatchFunctor(ABC):
    """Adapts a transformer whose forward the cache cannot see through.

    No model that ships with this package needs one. Whatever `apply` writes on the transformer or
    its modules (a ``forward`` of their own, another submodule) is undone when the cache is
    disabled. Where another library has put its own code in the place of that, it has to be undone
    first, and `disable_cache` says so.
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
