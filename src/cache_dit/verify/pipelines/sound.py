"""Video with sound, and sound alone."""

from __future__ import annotations

from typing import Any

import torch

from cache_dit.verify.autoencoders.audio import OOBLECK
from cache_dit.verify.pipelines.components import flow_match, from_diffusers, parts, transformer
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import COND, ONE
from cache_dit.verify.pipelines.texts import encoded, masks, states, video_size


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


def video_autoencoder(**ratios: int) -> Any:
    config = {
        **ratios,
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
    return from_diffusers("AutoencoderOobleck", OOBLECK)


def projection() -> Any:
    config = {"text_encoder_dim": 20, "conditioning_dim": 20, "min_value": 0, "max_value": 32}
    return from_diffusers("StableAudioProjectionModel", config, module="stable_audio")


def condition_encoder() -> Any:
    """What ACE-Step has between text encoder and transformer: 20 channels in, 32 out."""
    config = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "text_hidden_dim": 20,
        "timbre_hidden_dim": 8,
        "num_lyric_encoder_hidden_layers": 1,
        "num_timbre_encoder_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
    }
    return from_diffusers("AceStepConditionEncoder", config, module="ace_step")


def text_and_lyrics(
    prompt: list[str], lyrics: list[str], **kwargs: Any
) -> tuple[torch.Tensor, ...]:
    """States of ACE-Step for a text and for lyrics, each with a mask."""
    made = encoded(20)(prompt), encoded(20, 5)(lyrics)
    text, sung = (torch.ones(states.shape[:2], dtype=torch.int64) for states in made)
    return made[0], text, made[1], sung


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
    PipelineEntry(
        class_name="AceStepPipeline",
        components=parts(
            "AceStepTransformer1DModel",
            vae=oobleck,
            condition_encoder=condition_encoder,
            scheduler=lambda: flow_match(num_train_timesteps=1),
        ),
        call=lambda s: {
            "prompt": ["a red cat"] * s.batch,
            "lyrics": ["the sky"] * s.batch,
            "audio_duration": float(s.seconds),
        },
        sizes={"batch": 1, "seconds": 16},
        branches=COND,
        attributes={"encode_prompt": text_and_lyrics},
        note="both halves of the guidance are one call; a cover has a second one",
    ),
)
