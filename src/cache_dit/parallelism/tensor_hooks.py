"""What layers exchange, as hooks on them and on what takes their place."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from ..comm import Channel
from .tensor_exchange import Hooks, hooks_of
from .tensor_shards import Call


@dataclass
class _Hooked:
    """A layer with hooks, and where it is."""

    owner: weakref.ref[nn.Module]
    name: str
    layer: weakref.ref[nn.Module]
    hooks: Hooks


class Exchanges:
    """Hooks on the layers of a model.

    A layer may be replaced while they are on, by a quantized one, say. What stands in its place at
    a call of the model then gets the hooks, unless the layer is within it.
    """

    def __init__(self, channel: Channel, calls: Sequence[Call]) -> None:
        self.channel, self.calls = channel, calls
        self._hooked: list[_Hooked] = []
        self._handles: list[RemovableHandle] = []

    def put_on(self, model: nn.Module) -> None:
        """Hook all layers; after an error, `take_off` removes the hooks that are on."""
        for call in self.calls:
            layer = call.module()
            assert layer is not None
            hooks = hooks_of(self.channel, layer, call.style)
            self._hook(layer, hooks)
            if call.path:
                owner, _, name = call.path.rpartition(".")
                where = weakref.ref(model.get_submodule(owner))
                self._hooked.append(_Hooked(where, name, weakref.ref(layer), hooks))
        self._handles.append(model.register_forward_pre_hook(self._follow))

    def take_off(self) -> None:
        """Remove all hooks."""
        for handle in self._handles:
            handle.remove()
        self._hooked, self._handles = [], []

    def _follow(self, model: nn.Module, args: Any) -> None:
        if torch.compiler.is_compiling():
            return
        for each in self._hooked:
            owner, layer = each.owner(), each.layer()
            here = None if owner is None else owner._modules.get(each.name)
            if here is layer or here is None:
                continue
            within = layer is not None and any(one is layer for one in here.modules())
            if not within and not self._has(here, each.hooks):
                self._hook(here, each.hooks)
            if not within:
                each.layer = weakref.ref(here)

    def _hook(self, layer: nn.Module, hooks: Hooks) -> None:
        before, after = hooks
        if before is not None:
            self._handles.append(layer.register_forward_pre_hook(before, with_kwargs=True))
        if after is not None:
            self._handles.append(layer.register_forward_hook(after))

    @staticmethod
    def _has(layer: nn.Module, hooks: Hooks) -> bool:
        """Whether whoever has replaced the layer has given the hooks to the new one."""
        on = [*layer._forward_pre_hooks.values(), *layer._forward_hooks.values()]
        return any(hook in on for hook in hooks if hook is not None)
