"""One ControlNet to verify, and the transformer that it guides."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cache_dit.intercept import parameter_names
from cache_dit.verify import zoo
from cache_dit.verify.named import Named
from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import Draw, materialise
from cache_dit.verify.zoo.weights import cast, randomise

Given = Mapping[str, Any]
Call = Callable[[SimpleNamespace, Given], Arguments]


@dataclass(frozen=True)
class Pair:
    """A ControlNet and its transformer."""

    controlnet: nn.Module
    transformer: nn.Module


@dataclass(frozen=True, kw_only=True)
class ControlNetEntry(Named):
    """How a ControlNet is built, what it is given, and where its residuals go.

    class_name: of the ControlNet, or of the model that holds several of them. nets: the configs of
    those; empty for a single ControlNet, whose config is ``config``. transformer: name of an entry
    of the zoo. call: what the ControlNet is given beside (or in place of) the arguments of the
    transformer that have the same names. residuals: arguments of the transformer that the outputs
    become. shares: the ControlNet uses modules of its transformer. around: what has to be in force
    during its calls.
    """

    class_name: str
    transformer: str
    call: Call
    residuals: tuple[str, ...] = ("controlnet_block_samples",)
    config: Mapping[str, Any] = field(default_factory=dict)
    nets: tuple[Mapping[str, Any], ...] = ()
    variant: str = ""
    shares: bool = False
    around: Callable[[], AbstractContextManager[None]] = nullcontext
    note: str = ""

    @property
    def available(self) -> bool:
        """Whether the installed diffusers has this class."""
        return hasattr(self._home, self.net_class_name)

    @property
    def net_class_name(self) -> str:
        """The class of one ControlNet."""
        return self.class_name.replace("Multi", "")

    @property
    def sizes(self) -> Mapping[str, int]:
        """What may be changed in the inputs: what the transformer's entry says."""
        return self._base.sizes

    def build(self, dtype: torch.dtype = torch.float32) -> Pair:
        """Both models in eval mode, without gradients."""
        transformer = self._base.build(dtype)
        made = [self._net(config, seed) for seed, config in enumerate(self.nets or [self.config])]
        if self.nets:
            controlnet = _class_of_several(type(made[0]), self.class_name)(made)
        else:
            controlnet = made[0]
        cast(controlnet, dtype)
        if self.shares:
            controlnet = type(controlnet).from_transformer(controlnet, transformer)
        return Pair(controlnet.eval().requires_grad_(False), transformer)

    def control(
        self,
        pair: Pair,
        step: float = 0,
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
        **sizes: int,
    ) -> tuple[Arguments, Arguments]:
        """(arguments of the transformer in one step, and what the ControlNet adds to them)."""
        given = self._base.step_inputs(step, dtype, seed, **sizes)
        given = {name: each for name, each in given.items() if name not in self.residuals}
        own = self.call(SimpleNamespace(**{**self.sizes, **sizes}), given)
        own = materialise(own, Draw(dtype, seed, step, "controlnet"))
        names = parameter_names(pair.controlnet)
        shared = {name: each for name, each in given.items() if name in names}
        plain = {"return_dict": False} if "return_dict" in names else {}
        with torch.no_grad(), self.around():
            made = pair.controlnet(**{**shared, **own, **plain})
        made = made if isinstance(made, tuple) else (made,)
        return given, dict(zip(self.residuals, made, strict=True))

    def step(
        self,
        pair: Pair,
        step: float = 0,
        dtype: torch.dtype = torch.float32,
        seed: int = 0,
        **sizes: int,
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Residuals and outputs of one denoising step."""
        given, control = self.control(pair, step, dtype, seed, **sizes)
        residuals = [each.clone() for each in zoo.tensors(control)]
        with torch.no_grad():
            return residuals, zoo.tensors(pair.transformer(**given, **control))

    def _net(self, config: Mapping[str, Any], seed: int) -> Any:
        net = getattr(self._home, self.net_class_name)(**config)
        randomise(net, seed)
        return net

    @property
    def _home(self) -> Any:
        return importlib.import_module("diffusers")

    @property
    def _base(self) -> Entry:
        return zoo.get(self.transformer)


def _class_of_several(net: type, name: str) -> Any:
    return getattr(importlib.import_module(net.__module__), name)
