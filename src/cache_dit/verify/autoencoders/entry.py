"""One entry: a tiny configuration of an autoencoder, and what is encoded and decoded with it."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from cache_dit.verify.named import Named
from cache_dit.verify.zoo.spec import generator
from cache_dit.verify.zoo.tensors import tensors
from cache_dit.verify.zoo.weights import cast, randomise

SIDES = ("encode", "decode")


@dataclass(frozen=True)
class Untiled(Named):
    """A class that is not verified, because its work is not shared out."""

    class_name: str


@dataclass(frozen=True)
class Shapes:
    """What goes in, without the batch.

    sample, latent: large enough for several tiles, of which the last ones are smaller. one_sample,
    one_latent: what fits one tile.
    """

    sample: tuple[int, ...]
    latent: tuple[int, ...]
    one_sample: tuple[int, ...]
    one_latent: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class AutoencoderEntry(Named):
    """An autoencoder to verify.

    config: keyword arguments of the class. attributes: what is set on the model, such as sizes of
    tiles. sides: which of "encode" and "decode" work through tiles. batches: whether it takes
    several samples at once. dtype: in which it computes. note: what is not verified, and why.
    """

    class_name: str
    config: Mapping[str, Any]
    shapes: Shapes
    attributes: Mapping[str, Any] = field(default_factory=dict)
    variant: str = ""
    sides: tuple[str, ...] = SIDES
    batches: bool = True
    dtype: torch.dtype = torch.float64
    note: str = ""

    def build(self, seed: int = 0) -> Any:
        """The model in eval mode, without gradients, tiling switched off."""
        model = getattr(importlib.import_module("diffusers"), self.class_name)(**self.config)
        assert isinstance(model, nn.Module)
        randomise(model, seed)
        cast(model, self.dtype)
        for name, value in self.attributes.items():
            setattr(model, name, value)
        return model.eval().requires_grad_(False)

    def input(self, side: str, batch: int = 1, one_tile: bool = False) -> torch.Tensor:
        """What is encoded or decoded."""
        shapes = self.shapes
        many, one = {
            "encode": (shapes.sample, shapes.one_sample),
            "decode": (shapes.latent, shapes.one_latent),
        }[side]
        shape = (batch, *(one if one_tile else many))
        return torch.randn(shape, generator=generator(0, side)).to(self.dtype)

    @staticmethod
    def numbers(output: Any) -> list[torch.Tensor]:
        """The tensors in what was encoded or decoded; of a distribution, its parameters."""
        return tensors(getattr(getattr(output, "latent_dist", None), "parameters", output))


def squares(tile: int, stride: int, **more: int) -> dict[str, int]:
    """Sizes of tiles, in pixels."""
    sides = ("height", "width")
    return {
        **{f"tile_sample_min_{side}": tile for side in sides},
        **{f"tile_sample_stride_{side}": stride for side in sides},
        **more,
    }
