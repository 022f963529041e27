"""Hunyuan video and image models, and Motif-Video: double-stream, then single-stream blocks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import full, joined, latent, mask, randn, timestep

WHOLE = torch.int64
BOTH = ("transformer_blocks", "single_transformer_blocks")
SIZES = {"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7}
LAYERS: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "num_attention_heads": 4,
    "attention_head_dim": 12,
    "num_layers": 4,
    "num_single_layers": 6,
    "num_refiner_layers": 1,
    "mlp_ratio": 2.0,
    "text_embed_dim": 20,
}
VIDEO: dict[str, Any] = {**LAYERS, "pooled_projection_dim": 12, "rope_axes_dim": (4, 4, 4)}


def video(s: SimpleNamespace) -> Arguments:
    return {
        **one_text(s),
        "hidden_states": latent(s.batch, 4, s.frames, 2 * s.height, 2 * s.width),
        "pooled_projections": randn(s.batch, 12),
        "guidance": full(6000.0, s.batch),
    }


def framepack(s: SimpleNamespace) -> Arguments:
    """A section of a video, with the frames before it at full, half and quarter resolution."""
    size = (2 * s.height, 2 * s.width)
    return {
        **video(s),
        "image_embeds": randn(s.batch, 5, 16),
        "indices_latents": torch.arange(1, 1 + s.frames),
        "latents_clean": randn(s.batch, 4, 2, *size),
        "indices_latents_clean": torch.tensor([0, 8]),
        "latents_history_2x": randn(s.batch, 4, 2, *size),
        "indices_latents_history_2x": torch.arange(9, 11),
        "latents_history_4x": randn(s.batch, 4, 4, *size),
        "indices_latents_history_4x": torch.arange(11, 15),
    }


def one_text(s: SimpleNamespace) -> Arguments:
    return {
        "timestep": timestep(s.batch),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
    }


def two_texts(s: SimpleNamespace) -> Arguments:
    """The prompt's states, and those of the letters to be drawn."""
    return {
        **one_text(s),
        "encoder_hidden_states_2": randn(s.batch, s.letters, 16),
        "encoder_attention_mask_2": mask(s.batch, s.letters, padding=1, dtype=WHOLE),
    }


def motif(s: SimpleNamespace) -> Arguments:
    """Latents with the condition's latents and mask in their channels."""
    size = (s.frames, 2 * s.height, 2 * s.width)
    return {
        **one_text(s),
        "hidden_states": joined(1, latent(s.batch, 4, *size), randn(s.batch, 5, *size)),
    }


HUNYUAN_VIDEO = Entry(
    class_name="HunyuanVideoTransformer3DModel",
    config=VIDEO,
    sizes=SIZES,
    call=video,
    blocks=BOTH,
    tags={"mask"},
)

HUNYUAN_VIDEO_1_5 = Entry(
    class_name="HunyuanVideo15Transformer3DModel",
    config={
        **{key: value for key, value in LAYERS.items() if key != "num_single_layers"},
        "in_channels": 9,
        "num_layers": 6,
        "text_embed_2_dim": 16,
        "image_embed_dim": 16,
        "rope_axes_dim": (4, 4, 4),
        "target_size": 16,
        "task_type": "t2v",
    },
    sizes={**SIZES, "letters": 4},
    call=lambda s: {
        **two_texts(s),
        "hidden_states": joined(
            1,
            latent(s.batch, 4, s.frames, s.height, s.width),
            randn(s.batch, 5, s.frames, s.height, s.width),
        ),
        "image_embeds": torch.zeros(s.batch, 5, 16),
    },
    blocks=("transformer_blocks",),
    tags={"mask"},
    note="image_embeds of zeros mean text-to-video: their states are masked",
)

HUNYUAN_IMAGE = Entry(
    class_name="HunyuanImageTransformer2DModel",
    config={**LAYERS, "text_embed_2_dim": 16, "rope_axes_dim": (6, 6)},
    sizes={"batch": 2, "height": 4, "width": 5, "text": 7, "letters": 4},
    call=lambda s: {**two_texts(s), "hidden_states": latent(s.batch, 4, s.height, s.width)},
    blocks=BOTH,
    tags={"mask"},
)

MOTIF = Entry(
    class_name="MotifVideoTransformer3DModel",
    config={
        **{key: value for key, value in LAYERS.items() if key != "num_refiner_layers"},
        "in_channels": 9,
        "rope_axes_dim": (4, 4, 4),
        "image_embed_dim": 16,
    },
    sizes=SIZES,
    call=motif,
    blocks=BOTH,
    casts=("time_text_embed.timestep_embedder",),
    tags={"mask"},
)

ENTRIES = (
    HUNYUAN_VIDEO,
    HUNYUAN_VIDEO.with_variant(
        "token_replace",
        config={"image_condition_type": "token_replace"},
        tags={"mask", "reference"},
        note="the first frame is a condition: its tokens are modulated as if at time 0",
    ),
    HUNYUAN_VIDEO_1_5,
    HUNYUAN_VIDEO_1_5.with_variant(
        "image_to_video",
        config={"task_type": "i2v", "use_meanflow": True},
        call=lambda s: {
            "image_embeds": randn(s.batch, 5, 16),
            "timestep_r": timestep(s.batch, start=860.0),
        },
        tags={"mask", "reference"},
        note="with image states, and with the time that the step leads to (mean flow)",
    ),
    Entry(
        class_name="HunyuanVideoFramepackTransformer3DModel",
        config={
            **VIDEO,
            "has_image_proj": True,
            "image_proj_dim": 16,
            "has_clean_x_embedder": True,
        },
        sizes={"batch": 2, "frames": 3, "height": 4, "width": 4, "text": 7},
        call=framepack,
        blocks=BOTH,
        tags={"mask", "reference"},
        note="with one sample the padding is cut off the text, and there is no mask",
    ),
    HUNYUAN_IMAGE,
    replace(
        HUNYUAN_IMAGE,
        variant="refiner",
        config={
            **HUNYUAN_IMAGE.config,
            "text_embed_2_dim": None,
            "patch_size": (1, 1, 1),
            "rope_axes_dim": (4, 4, 4),
            "guidance_embeds": True,
        },
        sizes={"batch": 2, "height": 4, "width": 5, "text": 7},
        call=lambda s: {
            **one_text(s),
            "hidden_states": latent(s.batch, 4, 1, s.height, s.width),
            "guidance": full(3500.0, s.batch),
        },
        note="the refiner of the same pipeline: five-dimensional latents, one text",
    ),
    MOTIF,
    MOTIF.with_variant(
        "decoder",
        config={
            "num_decoder_layers": 2,
            "enable_text_cross_attention_dual": True,
            "enable_text_cross_attention_single": True,
        },
        call=lambda s: {"image_embeds": randn(s.batch, 5, 16)},
        tags={"mask", "reference"},
        note="the last 2 single blocks decode: their stream is the patches again, and the "
        "encoded one is the context",
    ),
)
