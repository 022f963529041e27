"""Autoencoders of images."""

from __future__ import annotations

from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes, squares

KL = {
    "block_out_channels": (4, 8),
    "down_block_types": ("DownEncoderBlock2D",) * 2,
    "up_block_types": ("UpDecoderBlock2D",) * 2,
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 2,
    "sample_size": 16,
}
PICTURES = Shapes((3, 32, 26), (4, 16, 13), (3, 16, 12), (4, 8, 6))
"""For tiles of 16 pixels, 12 apart."""

ENTRIES = (
    AutoencoderEntry(class_name="AutoencoderKL", config=KL, shapes=PICTURES),
    AutoencoderEntry(
        class_name="AutoencoderKL",
        variant="no_quant_conv",
        config={**KL, "use_quant_conv": False, "use_post_quant_conv": False},
        shapes=PICTURES,
    ),
    AutoencoderEntry(class_name="AutoencoderKLFlux2", config=KL, shapes=PICTURES),
    AutoencoderEntry(
        class_name="AutoencoderDC",
        config={
            "latent_channels": 4,
            "attention_head_dim": 4,
            "encoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "decoder_block_types": ("ResBlock", "EfficientViTBlock"),
            "encoder_block_out_channels": (8, 16),
            "decoder_block_out_channels": (8, 16),
            "encoder_layers_per_block": (1, 1),
            "decoder_layers_per_block": (1, 1),
            "encoder_qkv_multiscales": ((), (5,)),
            "decoder_qkv_multiscales": ((), (5,)),
        },
        shapes=PICTURES,
        attributes=squares(16, 12),
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLHunyuanImage",
        config={
            "in_channels": 3,
            "out_channels": 3,
            "latent_channels": 4,
            "block_out_channels": (32, 32),
            "layers_per_block": 1,
            "spatial_compression_ratio": 2,
            "sample_size": 16,
        },
        shapes=PICTURES,
        sides=("decode",),
        note="Its own tiled encoding fails: it takes a fifth dimension, which its encoder refuses.",
    ),
    AutoencoderEntry(
        class_name="AutoencoderKLKVAE",
        config={
            "channels": 32,
            "num_enc_blocks": 1,
            "num_dec_blocks": 1,
            "z_channels": 4,
            "ch_mult": (1, 1),
            "sample_size": 16,
        },
        shapes=PICTURES,
    ),
    AutoencoderEntry(
        class_name="AutoencoderTiny",
        config={
            "encoder_block_out_channels": (4,) * 4,
            "decoder_block_out_channels": (4,) * 4,
            "num_encoder_blocks": (1,) * 4,
            "num_decoder_blocks": (1,) * 4,
        },
        shapes=Shapes((3, 56, 40), (4, 7, 5), (3, 16, 16), (4, 2, 2)),
        attributes={
            "tile_sample_min_size": 32,
            "tile_latent_min_size": 4,
            "tile_overlap_factor": 0.5,
        },
    ),
    AutoencoderEntry(
        class_name="ConsistencyDecoderVAE",
        config={
            "encoder_block_out_channels": (4, 8),
            "encoder_down_block_types": ("DownEncoderBlock2D",) * 2,
            "encoder_layers_per_block": 1,
            "encoder_norm_num_groups": 2,
            "decoder_block_out_channels": (4, 8),
            "decoder_down_block_types": ("ResnetDownsampleBlock2D",) * 2,
            "decoder_up_block_types": ("ResnetUpsampleBlock2D",) * 2,
            "decoder_layers_per_block": 1,
            "decoder_norm_num_groups": 2,
            "sample_size": 16,
        },
        shapes=PICTURES,
        sides=("encode",),
        note="It decodes by denoising, which has no tiles.",
    ),
)
