"""Autoencoders, schedulers and text encoders as small as their classes allow."""

from __future__ import annotations

import importlib
from typing import Any

from torch import nn

from cache_dit.verify import zoo
from cache_dit.verify.zoo.weights import randomise


def diffusers(name: str, module: str = "diffusers", **config: Any) -> Any:
    """A model (with random weights) or a scheduler of diffusers."""
    made = getattr(importlib.import_module(module), name)(**config)
    if isinstance(made, nn.Module):
        randomise(made)
        made.eval().requires_grad_(False)
    return made


def transformer(name: str, **config: Any) -> nn.Module:
    """A transformer of the zoo, with a part of its configuration changed to fit a pipeline."""
    return zoo.get(name).with_variant("", config=config).build()


def flow_match(**config: Any) -> Any:
    return diffusers("FlowMatchEulerDiscreteScheduler", **config)


def autoencoder_kl(latent_channels: int, name: str = "AutoencoderKL", **config: Any) -> Any:
    """The usual autoencoder of images; it halves height and width once."""
    return diffusers(
        name,
        block_out_channels=(8, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        latent_channels=latent_channels,
        layers_per_block=1,
        norm_num_groups=2,
        sample_size=16,
        **({"shift_factor": 0.1} if name == "AutoencoderKL" else {}),
        **config,
    )


def autoencoder_wan(latent_channels: int, name: str = "AutoencoderKLWan", **config: Any) -> Any:
    """The autoencoder of videos of Wan, Qwen-Image and others: 4 frames and 8 x 8 pixels to one."""
    return diffusers(
        name,
        base_dim=4,
        z_dim=latent_channels,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        latents_mean=[0.0] * latent_channels,
        latents_std=[1.0] * latent_channels,
        **config,
    )
