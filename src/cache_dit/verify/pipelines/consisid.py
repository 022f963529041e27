"""ConsisID, which diffusers offers with OpenCV only; its pipeline draws with it, if asked to."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.pipelines.components import from_diffusers, parts, picture, transformer
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import ONE
from cache_dit.verify.pipelines.video import SIZES, texts
from cache_dit.verify.zoo.cogview import face


def autoencoder_cogvideox() -> Any:
    """The autoencoder of CogVideoX: 4 frames and 8 x 8 pixels to one."""
    config = {
        "latent_channels": 4,
        "block_out_channels": (8,) * 4,
        "layers_per_block": 1,
        "norm_num_groups": 2,
        "down_block_types": ("CogVideoXDownBlock3D",) * 4,
        "up_block_types": ("CogVideoXUpBlock3D",) * 4,
    }
    return from_diffusers("AutoencoderKLCogVideoX", config)


ENTRIES = (
    PipelineEntry(
        class_name="ConsisIDPipeline",
        module="diffusers.pipelines.consisid.pipeline_consisid",
        components=parts(
            "ConsisIDTransformer3DModel",
            transformer=lambda: transformer(
                "ConsisIDTransformer3DModel",
                attention_head_dim=16,
                in_channels=8,
                LFE_output_dim=42,
            ),
            vae=autoencoder_cogvideox,
            scheduler=lambda: from_diffusers("CogVideoXDDIMScheduler"),
        ),
        call=lambda s: {**texts(s), **face(s), "image": picture(s)},
        sizes=SIZES,
        branches=ONE,
        note="features of a face are added between the blocks",
    ),
)
