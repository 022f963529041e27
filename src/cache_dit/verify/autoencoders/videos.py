"""Autoencoders of videos."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes


def squares(tile: int, stride: int, **more: int) -> dict[str, int]:
    """Sizes of tiles, in pixels."""
    sides = ("height", "width")
    return {
        **{f"tile_sample_min_{side}": tile for side in sides},
        **{f"tile_sample_stride_{side}": stride for side in sides},
        **more,
    }


def wan(latent_channels: int) -> dict[str, Any]:
    return {
        "base_dim": 4,
        "z_dim": latent_channels,
        "dim_mult": [1, 1, 1, 1],
        "num_res_blocks": 1,
        "temperal_downsample": [False, True, True],
        "latents_mean": [0.0] * latent_channels,
        "latents_std": [1.0] * latent_channels,
    }


CLIPS = Shapes((3, 5, 56, 40), (4, 2, 7, 5), (3, 5, 24, 24), (4, 2, 3, 3))
"""For tiles of 32 pixels, 24 apart."""

ENTRIES = (
    AutoencoderEntry(
        class_name="AutoencoderKLWan", config=wan(4), shapes=CLIPS, attributes=squares(32, 24)
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLQwenImage", config=wan(4), shapes=CLIPS, attributes=squares(32, 24)
    ),
)
