"""Autoencoders of images."""

from __future__ import annotations

from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes

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
)
