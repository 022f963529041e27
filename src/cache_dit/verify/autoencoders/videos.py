"""Autoencoders of videos that compute a tile at once."""

from __future__ import annotations

from dataclasses import replace

import torch

from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes, squares

HALVED = Shapes((3, 9, 28, 20), (4, 3, 14, 10), (3, 9, 12, 12), (4, 3, 6, 6))
"""For tiles of 16 pixels, 12 apart, of a model that halves height and width."""

TIMED = Shapes((3, 9, 20, 16), (4, 5, 10, 8), (3, 9, 12, 12), (4, 3, 6, 6))


def in_time(tile: int, stride: int) -> dict[str, int]:
    """Tiles of 16 x 16 pixels, 12 apart, and of frames."""
    return {
        **squares(16, 12),
        "tile_sample_min_num_frames": tile,
        "tile_sample_stride_num_frames": stride,
        "use_framewise_encoding": True,
        "use_framewise_decoding": True,
    }


HUNYUAN_VIDEO = AutoencoderEntry(
    class_name="AutoencoderKLHunyuanVideo",
    config={
        "latent_channels": 4,
        "block_out_channels": (8, 8, 8),
        "layers_per_block": 1,
        "down_block_types": ("HunyuanVideoDownBlock3D",) * 3,
        "up_block_types": ("HunyuanVideoUpBlock3D",) * 3,
        "norm_num_groups": 2,
        "spatial_compression_ratio": 2,
    },
    shapes=HALVED,
    attributes=squares(16, 12),
)
LTX = AutoencoderEntry(
    class_name="AutoencoderKLLTXVideo",
    config={
        "latent_channels": 4,
        "block_out_channels": (8, 8),
        "down_block_types": ("LTXVideoDownBlock3D",) * 2,
        "decoder_block_out_channels": (8, 8),
        "layers_per_block": (1, 1, 1),
        "decoder_layers_per_block": (1, 1, 1),
        "spatio_temporal_scaling": (True, False),
        "decoder_spatio_temporal_scaling": (True, False),
        "decoder_inject_noise": (False,) * 3,
        "downsample_type": ("conv",) * 2,
        "upsample_residual": (False,) * 2,
        "upsample_factor": (1, 1),
        "patch_size": 1,
    },
    shapes=HALVED,
    attributes=squares(16, 12),
)

LTX2 = AutoencoderEntry(
    class_name="AutoencoderKLLTX2Video",
    config={
        "latent_channels": 4,
        "block_out_channels": (8, 8),
        "down_block_types": ("LTX2VideoDownBlock3D",) * 2,
        "decoder_block_out_channels": (8,),
        "layers_per_block": (1, 1, 1),
        "decoder_layers_per_block": (1, 1),
        "spatio_temporal_scaling": (True, False),
        "decoder_spatio_temporal_scaling": (True,),
        "decoder_inject_noise": (False, False),
        "downsample_type": ("spatiotemporal", "spatial"),
        "upsample_type": ("spatiotemporal",),
        "upsample_residual": (True,),
        "upsample_factor": (2,),
        "patch_size": 1,
    },
    variant="tiles_in_time",
    shapes=TIMED,
    attributes=in_time(6, 4),
)

ENTRIES = (
    HUNYUAN_VIDEO,
    replace(
        HUNYUAN_VIDEO,
        variant="tiles_in_time",
        shapes=replace(TIMED, sample=(3, 17, 20, 16)),
        attributes=in_time(12, 8),
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLHunyuanVideo15",
        config={
            "latent_channels": 4,
            "block_out_channels": (8, 8),
            "layers_per_block": 1,
            "spatial_compression_ratio": 2,
            "temporal_compression_ratio": 2,
        },
        shapes=HALVED,
        attributes={
            **squares(16, 12),
            "tile_latent_min_height": 8,
            "tile_latent_min_width": 8,
        },
        batches=False,
        note="Its own attention fails with several samples at once.",
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLHunyuanImageRefiner",
        config={
            "latent_channels": 4,
            "block_out_channels": (8, 8),
            "layers_per_block": 1,
            "spatial_compression_ratio": 2,
            "temporal_compression_ratio": 2,
        },
        shapes=HALVED,
        attributes=squares(16, 12),
    ),
    LTX,
    replace(
        LTX,
        variant="tiles_in_time",
        shapes=TIMED,
        attributes=in_time(6, 4),
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLAllegro",
        config={
            "block_out_channels": (8, 8),
            "layers_per_block": 1,
            "down_block_types": ("AllegroDownBlock3D",) * 2,
            "up_block_types": ("AllegroUpBlock3D",) * 2,
            "temporal_downsample_blocks": (True, False),
            "temporal_upsample_blocks": (True, False),
            "latent_channels": 4,
            "norm_num_groups": 2,
            "temporal_compression_ratio": 2,
        },
        shapes=Shapes((3, 8, 28, 28), (4, 4, 14, 14), (3, 4, 16, 16), (4, 2, 8, 8)),
        attributes={"kernel": (4, 16, 16), "stride": (2, 12, 12)},
        batches=False,
    ),
    replace(LTX2, variant="", shapes=HALVED, attributes=squares(16, 12)),
    LTX2,
    AutoencoderEntry(
        class_name="AutoencoderKLMiniMaxH3",
        config={
            "latent_channels": 4,
            "block_out_channels": (8, 8),
            "layers_per_block": 1,
            "spatial_downsample_factors": (2, 2),
            "temporal_downsample_factors": (2, 2),
            "norm_num_groups": 2,
            "decoder_num_layers": 1,
            "decoder_num_attention_heads": 2,
            "decoder_attention_head_dim": 8,
            "clip_length": 5,
            "token_drop": 1,
            "latents_mean": (0.0,) * 4,
            "latents_std": (1.0,) * 4,
        },
        shapes=Shapes((3, 10, 28, 20), (4, 5, 7, 5), (3, 5, 12, 12), (4, 3, 3, 3)),
        attributes={
            "tile_sample_min_height": 16,
            "tile_sample_min_width": 16,
            "tile_sample_min_overlap_height": 4,
            "tile_sample_min_overlap_width": 4,
        },
        dtype=torch.float32,
    ),
)
