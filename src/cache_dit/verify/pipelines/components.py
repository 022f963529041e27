"""Models and schedulers as small as their classes allow, and pictures to start from."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cache_dit.verify import zoo
from cache_dit.verify.autoencoders.causal import wan
from cache_dit.verify.zoo.weights import randomise

Components = Callable[[], Mapping[str, Any]]


def parts(transformer_name: str, **others: Callable[[], Any]) -> Components:
    """The components of a pipeline: a transformer of the zoo, a flow-matching scheduler, others.

    Whatever is among ``others`` is called when the pipeline is built, and goes over the default.
    """

    def make() -> dict[str, Any]:
        made = {name: make_one() for name, make_one in others.items()}
        made.setdefault("scheduler", flow_match())
        if "transformer" not in made:
            made["transformer"] = transformer(transformer_name)
        return made

    return make


def transformer(name: str, **config: Any) -> nn.Module:
    """A transformer of the zoo, with a part of its configuration changed to fit a pipeline."""
    return zoo.get(name).with_variant("", config=config).build()


def from_diffusers(name: str, config: Mapping[str, Any] | None = None, module: str = "") -> Any:
    """A scheduler, or a model with random weights, from diffusers or one of its pipelines."""
    home = importlib.import_module(f"diffusers.pipelines.{module}" if module else "diffusers")
    made = getattr(home, name)(**(config or {}))
    if isinstance(made, nn.Module):
        randomise(made)
        made.eval().requires_grad_(False)
    return made


def flow_match(**config: Any) -> Any:
    """The scheduler of most models."""
    return from_diffusers("FlowMatchEulerDiscreteScheduler", config)


def unipc() -> Any:
    """The scheduler of Wan and its relatives."""
    config = {"prediction_type": "flow_prediction", "use_flow_sigmas": True}
    return from_diffusers("UniPCMultistepScheduler", config)


def autoencoder_kl(latent_channels: int, halvings: int = 1) -> Any:
    """The usual autoencoder of images, which halves height and width so many times."""
    config = _autoencoder_kl(latent_channels, halvings)
    return from_diffusers("AutoencoderKL", {**config, "shift_factor": 0.1})


def autoencoder_flux2(latent_channels: int) -> Any:
    """The autoencoder of FLUX.2, which halves height and width once."""
    return from_diffusers("AutoencoderKLFlux2", _autoencoder_kl(latent_channels, 1))


def _autoencoder_kl(latent_channels: int, halvings: int) -> dict[str, Any]:
    levels = 1 + halvings
    return {
        "block_out_channels": (8,) * levels,
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "latent_channels": latent_channels,
        "layers_per_block": 1,
        "norm_num_groups": 2,
        "sample_size": 16,
    }


def autoencoder_wan(latent_channels: int, name: str = "AutoencoderKLWan") -> Any:
    """The autoencoder of videos of Wan, Qwen-Image and others: 4 frames and 8 x 8 pixels to one."""
    return from_diffusers(name, wan(latent_channels))


def picture(s: SimpleNamespace) -> torch.Tensor:
    """A picture of a gradient: [batch, 3, height, width], 0 to 1."""
    rows = torch.linspace(0, 1, s.height)[:, None].expand(s.height, s.width)
    return rows.expand(s.batch, 3, -1, -1).clone()


def pictures(frames: int, height: int, width: int) -> list[Any]:
    """A video that becomes brighter, in pictures as files have them."""
    from PIL import Image  # noqa: PLC0415

    return [
        Image.new("RGB", (width, height), (20 * frame, 100, 200 - 10 * frame))
        for frame in range(frames)
    ]
