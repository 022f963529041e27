"""Autoencoders of videos that compute a tile in time sections, each with features of the last."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes, squares


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
"""For tiles of 32 pixels, 24 apart, of a model that makes height and width 8 times smaller."""

MOCHI = AutoencoderEntry(
    class_name="AutoencoderKLMochi",
    config={
        "encoder_block_out_channels": (32,) * 4,
        "decoder_block_out_channels": (32,) * 4,
        "latent_channels": 4,
        "layers_per_block": (1,) * 5,
    },
    shapes=Shapes((3, 7, 40, 32), (4, 2, 5, 4), (3, 7, 24, 24), (4, 2, 3, 3)),
    attributes=squares(32, 24),
)
VIDTOK = AutoencoderEntry(
    class_name="AutoencoderVidTok",
    config={"ch": 32, "ch_mult": [1, 1, 1], "z_channels": 4, "num_res_blocks": 1},
    shapes=Shapes((3, 8, 20, 16), (4, 3, 5, 4), (3, 8, 12, 12), (4, 3, 3, 3)),
    attributes={
        "tile_sample_min_height": 16,
        "tile_sample_min_width": 16,
        "tile_overlap_factor_height": 0.25,
        "tile_overlap_factor_width": 0.25,
        "num_sample_frames_batch_size": 4,
        "num_latent_frames_batch_size": 1,
    },
)

ENTRIES = (
    AutoencoderEntry(
        class_name="AutoencoderKLWan", config=wan(4), shapes=CLIPS, attributes=squares(32, 24)
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLWan",
        variant="patches",
        config={
            **wan(4),
            "is_residual": True,
            "patch_size": 2,
            "in_channels": 12,
            "out_channels": 12,
            "scale_factor_spatial": 16,
        },
        shapes=Shapes((3, 5, 112, 80), (4, 2, 7, 5), (12, 5, 24, 24), (4, 2, 3, 3)),
        attributes=squares(48, 32),
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLQwenImage", config=wan(4), shapes=CLIPS, attributes=squares(32, 24)
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLQwenImage21",
        config={
            **wan(4),
            "decoder_base_dim": 4,
            "in_channels": 3,
            "out_channels": 3,
            "scale_factor_temporal": 4,
            "scale_factor_spatial": 8,
        },
        shapes=Shapes((3, 1, 56, 40), (4, 1, 7, 5), (3, 1, 24, 24), (4, 1, 3, 3)),
        attributes=squares(32, 24),
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLCogVideoX",
        config={
            "block_out_channels": (8, 8),
            "layers_per_block": 1,
            "down_block_types": ("CogVideoXDownBlock3D",) * 2,
            "up_block_types": ("CogVideoXUpBlock3D",) * 2,
            "latent_channels": 4,
            "norm_num_groups": 2,
            "temporal_compression_ratio": 2,
            "sample_height": 32,
            "sample_width": 32,
        },
        shapes=Shapes((3, 17, 28, 20), (4, 5, 14, 10), (3, 9, 12, 12), (4, 5, 6, 6)),
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLMagvit",
        config={
            "latent_channels": 4,
            "block_out_channels": [8, 8, 8],
            "down_block_types": ["SpatialDownBlock3D", *["SpatialTemporalDownBlock3D"] * 2],
            "up_block_types": ["SpatialUpBlock3D", *["SpatialTemporalUpBlock3D"] * 2],
            "layers_per_block": 1,
            "norm_num_groups": 2,
        },
        shapes=Shapes((3, 9, 56, 40), (4, 3, 14, 10), (3, 5, 24, 24), (4, 2, 6, 6)),
        attributes=squares(32, 24),
    ),
    MOCHI,
    replace(
        MOCHI,
        variant="sections",
        shapes=replace(MOCHI.shapes, latent=(4, 3, 5, 4)),
        attributes={**squares(32, 24), "use_framewise_decoding": True},
        sides=("decode",),
    ),
    VIDTOK,
    replace(
        VIDTOK,
        variant="not_causal",
        config={**VIDTOK.config, "is_causal": False},
    ),
    replace(
        VIDTOK,
        variant="discrete",
        config={
            **VIDTOK.config,
            "regularizer": "fsq",
            "double_z": False,
            "codebook_size": 8**4,
        },
    ),
)
