"""Video with sound, and sound alone."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.pipelines.components import from_diffusers, parts, transformer
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import ONE
from cache_dit.verify.pipelines.texts import masks, states, video_size


def connectors() -> Any:
    """What LTX-2 has between text encoder and transformer, for 20 channels."""
    sizes = {
        f"{kind}_connector_{name}": value
        for kind in ("video", "audio")
        for name, value in {
            "num_attention_heads": 2,
            "attention_head_dim": 10,
            "num_layers": 1,
            "num_learnable_registers": None,
        }.items()
    }
    config = {"caption_channels": 20, "text_proj_in_factor": 1, **sizes}
    return from_diffusers("LTX2TextConnectors", config, module="ltx2")


def video_autoencoder() -> Any:
    config = {
        "latent_channels": 4,
        "block_out_channels": (8,) * 4,
        "decoder_block_out_channels": (8,) * 3,
        "layers_per_block": (1,) * 5,
        "decoder_layers_per_block": (1,) * 4,
    }
    return from_diffusers("AutoencoderKLLTX2Video", config)


def audio_autoencoder() -> Any:
    config = {
        "base_channels": 16,
        "ch_mult": (1, 1, 1),
        "num_res_blocks": 1,
        "latent_channels": 4,
        "mel_bins": 16,
    }
    return from_diffusers("AutoencoderKLLTX2Audio", config)


def oobleck() -> Any:
    config = {
        "encoder_hidden_size": 4,
        "downsampling_ratios": [2, 4],
        "channel_multiples": [1, 2],
        "decoder_channels": 4,
        "decoder_input_channels": 4,
        "sampling_rate": 8,
    }
    return from_diffusers("AutoencoderOobleck", config)


def projection() -> Any:
    config = {"text_encoder_dim": 20, "conditioning_dim": 20, "min_value": 0, "max_value": 32}
    return from_diffusers("StableAudioProjectionModel", config, module="stable_audio")


ENTRIES = (
    PipelineEntry(
        class_name="LTX2Pipeline",
        components=parts(
            "LTX2VideoTransformer3DModel",
            transformer=lambda: transformer(
                "LTX2VideoTransformer3DModel",
                audio_in_channels=16,
                audio_out_channels=16,
                perturbed_attn=True,
            ),
            vae=video_autoencoder,
            audio_vae=audio_autoencoder,
            connectors=connectors,
        ),
        call=lambda s: {
            **video_size(s),
            **states(s, 20),
            **masks(s),
            "spatio_temporal_guidance_blocks": [2],
        },
        sizes={"batch": 1, "frames": 17, "height": 128, "width": 192, "text": 7},
        branches=(
            "cond_uncond",
            "uncond_stg+spatio_temporal_guidance_blocks",
            "uncond_modality+isolate_modalities",
        ),
    ),
    PipelineEntry(
        class_name="StableAudioPipeline",
        components=parts(
            "StableAudioDiTModel",
            transformer=lambda: transformer("StableAudioDiTModel", global_states_input_dim=40),
            vae=oobleck,
            projection_model=projection,
            scheduler=lambda: from_diffusers("EDMDPMSolverMultistepScheduler"),
        ),
        call=lambda s: states(s, 20),
        sizes={"batch": 1, "text": 5},
        branches=ONE,
    ),
)
