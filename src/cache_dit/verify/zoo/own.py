"""A model of one's own as an entry of the zoo, so that every axis can be verified for it too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from cache_dit.parallelism.failure import described, where
from cache_dit.verify.zoo.module_files import load_module
from cache_dit.verify.zoo.spec import Draw, materialise
from cache_dit.verify.zoo.weights import cast, randomise

NEEDED = ("make_model", "make_inputs")


@dataclass(frozen=True)
class OwnModel:
    """What `Entry` is for a model of diffusers.

    Attributes:
        name: the file or module that it comes from.
        make_model: builds a small one.
        make_inputs: ``make_inputs(step, seed)``: arguments of its forward at a denoising step.
    """

    name: str
    make_model: Callable[[], nn.Module]
    make_inputs: Callable[[int, int], Mapping[str, Any]]

    available: ClassVar[bool] = True
    prefill: ClassVar[None] = None
    sizes: ClassVar[Mapping[str, int]] = {}

    @property
    def class_name(self) -> str:
        """Of the model."""
        return type(self.make_model()).__name__

    def build(self, dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
        """The model in eval mode, with weights that make every part of it matter."""
        model = self.make_model()
        randomise(model, seed)
        return cast(model, dtype).eval().requires_grad_(False)

    def inputs(self, dtype: torch.dtype = torch.float32, seed: int = 0) -> dict[str, Any]:
        """Arguments of the first denoising call."""
        return self.step_inputs(0, dtype, seed)

    def step_inputs(
        self, step: int, dtype: torch.dtype = torch.float32, seed: int = 0
    ) -> dict[str, Any]:
        """Arguments at a denoising step."""
        made = materialise(self.make_inputs(step, seed), Draw(dtype, seed, step))
        assert isinstance(made, dict)
        return made

    def require_call(self) -> None:
        """Make the model and its inputs, and call it once.

        Raises:
            ValueError: something of this fails; the message says what, and where in the model.
        """
        made: list[Any] = []
        for what, make in (("make_model()", self.build), ("make_inputs(0, 0)", self.inputs)):
            try:
                made.append(make(torch.float64))
            except Exception as error:
                raise ValueError(f"{self.name}: {what}: {described(error)}") from error
        model, inputs = made
        try:
            with torch.no_grad():
                model(**inputs)
        except Exception as error:
            place = f" (raised in {where(error)})" if where(error) else ""
            raise ValueError(
                f"make_inputs: {type(model).__name__} refused the inputs: {error}{place}"
            ) from error

    def prepare(self, model: nn.Module, dtype: torch.dtype, seed: int = 0) -> dict[str, Any]:
        """Nothing is run before the denoising calls."""
        return {}


def is_own(name: str) -> bool:
    """Whether a name is that of a file or module, and not of an entry."""
    parts = name.split(".")
    return name.endswith(".py") or (len(parts) > 1 and all(map(str.isidentifier, parts)))


def own_model(name: str) -> OwnModel:
    """The model of a Python file or module; what it registers is registered.

    Raises:
        ValueError: no such file or module, or it lacks ``make_model`` or ``make_inputs``.
    """
    module = load_module(name)
    missing = [each for each in NEEDED if not callable(getattr(module, each, None))]
    if missing:
        raise ValueError(
            f"{name}: has no {missing[0]}. A model of your own is verified with make_model(), "
            "which builds a small one, and make_inputs(step, seed), which gives the keyword "
            "arguments of its forward. Write both."
        )
    return OwnModel(name, module.make_model, module.make_inputs)
