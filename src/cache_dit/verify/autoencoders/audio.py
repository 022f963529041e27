"""Autoencoders of sound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Shapes

OOBLECK: Mapping[str, Any] = {
    "encoder_hidden_size": 4,
    "downsampling_ratios": [2, 4],
    "channel_multiples": [1, 2],
    "decoder_channels": 4,
    "decoder_input_channels": 4,
    "sampling_rate": 8,
}

ENTRIES = (
    AutoencoderEntry(
        class_name="AutoencoderOobleck",
        config=OOBLECK,
        shapes=Shapes((2, 400), (4, 50), (2, 64), (4, 12)),
        attributes={
            "tile_sample_min_length": 128,
            "tile_sample_overlap": 16,
            "tile_latent_min_length": 16,
            "tile_latent_overlap": 2,
        },
    ),
)
