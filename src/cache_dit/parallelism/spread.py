"""What is on the modules that were spread together: put on, taken off, found again."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from ..comm import Channel
from ..intercept import Interception
from .agreement import install
from .changing_adapters import takes_adapters, whole_while_adapters_change
from .config import ParallelismConfig
from .planner import Applied, Planner


class Spread:
    """Modules that were spread together, and are restored together.

    Args:
        planned: a module and what plans it, for each way in which one is spread.
        config: how.
        owner: the pipeline that has them, if there is one.

    Raises:
        ValueError: plan, module, config and world do not fit together.
    """

    def __init__(
        self,
        planned: Sequence[tuple[nn.Module, Planner]],
        config: ParallelismConfig,
        owner: Any = None,
    ) -> None:
        self.config = config
        self._owner = weakref.ref(owner) if takes_adapters(owner) else None
        self._planners: WeakKeyDictionary[nn.Module, list[Planner]] = WeakKeyDictionary()
        for module, planner in planned:
            self._planners.setdefault(module, []).append(planner)
        self._modules: WeakKeyDictionary[nn.Module, list[Applied]] = WeakKeyDictionary()
        self._layers: list[Interception] = []
        self._prepare()

    def install(self) -> None:
        """Put everything on; on an error, also of another rank, nothing is."""
        done: list[Applied] = []
        try:
            for each in chain.from_iterable(self._modules.values()):
                install(each)
                done.append(each)
        except BaseException:
            for each in reversed(done):
                each.uninstall()
            raise
        self.adopt()

    def adopt(self) -> None:
        """Remember what is on already."""
        for module in self._modules:
            _known[module] = self
        owner = self._owner() if self._owner is not None else None
        watched = {id(each): each for each in (*self._modules, owner) if takes_adapters(each)}
        # Not `Mesh.of`, which makes spoilt groups anew: other ranks may be in a call already.
        meshes = [each.mesh for each in chain.from_iterable(self._modules.values())]
        sample = meshes[0].sample if meshes else Channel()
        for each in watched.values():
            layer = whole_while_adapters_change(each, self.uninstall, self._again, sample)
            self._layers.append(layer)

    def uninstall(self) -> None:
        """Take everything off, the last first; on an error everything is on."""
        done: list[Applied] = []
        try:
            for each in reversed(list(chain.from_iterable(self._modules.values()))):
                each.uninstall()
                done.append(each)
        except BaseException:
            for each in reversed(done):
                each.install()
            raise
        for layer in self._layers:
            layer.release()
        self._layers = []
        for module in self._modules:
            _known.pop(module, None)

    def of(self, module: nn.Module) -> list[Applied]:
        """How one of the modules is spread."""
        return list(self._modules.get(module, ()))

    def _prepare(self) -> None:
        for module, planners in self._planners.items():
            self._modules[module] = [each.prepare(module, self.config) for each in planners]

    def _again(self) -> None:
        try:
            self._prepare()
        except ValueError as error:
            raise ValueError(
                f"With these adapters the models cannot be spread, and are whole now. {error} Take "
                "them off, and call enable_cache again."
            ) from error
        self.install()


_known: WeakKeyDictionary[nn.Module, Spread] = WeakKeyDictionary()


def spread_of(module: nn.Module) -> Spread | None:
    """What a module was spread with, or None."""
    return _known.get(module)
