"""Wan 2.1 and 2.2 and the models built like it: blocks with cross-attention to the text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import joined, latent, randn, timestep

WHOLE = torch.int64
BLOCKS = ("blocks",)
VIDEO_SIZES = {"batch": 2, "frames": 2, "height": 3, "width": 4}
SIZES = {**VIDEO_SIZES, "text": 7}
LAYERS: dict[str, Any] = {
    "num_layers": 6,
    "num_attention_heads": 4,
    "attention_head_dim": 12,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": 20,
    "freq_dim": 16,
    "ffn_dim": 64,
    "rope_max_seq_len": 32,
}
WITH_IMAGE = {"in_channels": 8, "image_dim": 24, "added_kv_proj_dim": 48}


def wan(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 4, s.frames, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch, dtype=WHOLE),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
    }


def image_to_video(s: SimpleNamespace) -> Arguments:
    """The image as extra channels and as vision states; the last 512 states are the text."""
    size = (s.frames, 2 * s.height, 2 * s.width)
    return {
        "timestep": timestep(s.batch, dtype=WHOLE),
        "hidden_states": joined(1, latent(s.batch, 4, *size), randn(s.batch, 4, *size)),
        "encoder_hidden_states": randn(s.batch, 512, 20),
        "encoder_hidden_states_image": randn(s.batch, 5, 24),
    }


def control(s: SimpleNamespace) -> Arguments:
    return {
        "control_hidden_states": randn(s.batch, 8, s.frames, 2 * s.height, 2 * s.width),
        "control_hidden_states_scale": torch.tensor([1.0, 0.8, 0.6]),
    }


def history(s: SimpleNamespace) -> Arguments:
    """Helios: earlier frames at three resolutions, counted from the oldest on."""
    long, middle, short = 4, 2, 2
    first = long + middle + short
    size = (2 * s.height, 2 * s.width)
    return {
        "indices_hidden_states": torch.arange(first, first + s.frames)[None],
        "indices_latents_history_long": torch.arange(long)[None],
        "indices_latents_history_mid": torch.arange(long, long + middle)[None],
        "indices_latents_history_short": torch.arange(long + middle, first)[None],
        "latents_history_long": randn(s.batch, 4, long, *size),
        "latents_history_mid": randn(s.batch, 4, middle, *size),
        "latents_history_short": randn(s.batch, 4, short, *size),
    }


WAN = Entry(
    class_name="WanTransformer3DModel",
    config=LAYERS,
    sizes=SIZES,
    call=wan,
    blocks=BLOCKS,
)

SKYREELS = Entry(
    class_name="SkyReelsV2Transformer3DModel",
    config=LAYERS,
    sizes=SIZES,
    call=wan,
    blocks=BLOCKS,
)

ENTRIES = (
    WAN,
    Entry(
        class_name="WanTransformer3DModel",
        variant="image_to_video",
        config={**LAYERS, **WITH_IMAGE},
        sizes=VIDEO_SIZES,
        call=image_to_video,
        blocks=BLOCKS,
        tags={"reference"},
        note="text must have 512 states: attention finds the image states by that number",
    ),
    WAN.with_variant(
        "time_per_token",
        call=lambda s: {
            "timestep": timestep(
                s.batch,
                s.frames * s.height * s.width,
                clean=s.height * s.width,
                dtype=torch.float32,
            ),
        },
        note="Wan 2.2 5B: every token has its own time, and the first frame is clean",
    ),
    Entry(
        class_name="WanVACETransformer3DModel",
        config={**LAYERS, "vace_layers": [0, 2, 4], "vace_in_channels": 8},
        sizes=SIZES,
        call=lambda s: {**wan(s), **control(s)},
        blocks=BLOCKS,
        tags={"controlnet"},
        note="vace_blocks run before the blocks; their hints are added after blocks 0, 2 and 4",
    ),
    Entry(
        class_name="ChronoEditTransformer3DModel",
        config={**LAYERS, **WITH_IMAGE, "rope_temporal_skip_len": 8},
        sizes=VIDEO_SIZES,
        call=image_to_video,
        blocks=BLOCKS,
        tags={"reference"},
        note="text must have 512 states; two frames are given positions 0 and 7",
    ),
    SKYREELS,
    SKYREELS.with_variant(
        "diffusion_forcing",
        config={"num_frame_per_block": 2},
        sizes={**SIZES, "frames": 4},
        call=lambda s: {
            "timestep": timestep(s.batch, s.frames, clean=1, dtype=WHOLE),
            "enable_diffusion_forcing": True,
            "fps": [1] * s.batch,
        },
        tags={"mask"},
        note="every frame has its own time, and attention is causal over pairs of frames"
        "; without inject_sample_info, with which diffusers' forward takes one sample only",
    ),
    Entry(
        class_name="HeliosTransformer3DModel",
        config={
            **{key: LAYERS[key] for key in LAYERS if key != "rope_max_seq_len"},
            "rope_dim": (4, 4, 4),
        },
        sizes={"batch": 2, "frames": 2, "height": 4, "width": 4, "text": 7},
        call=lambda s: {**wan(s), **history(s)},
        blocks=BLOCKS,
        tags={"reference"},
        note="history tokens lead the sequence with a time of 0, and only the last tokens "
        "attend to the text",
    ),
)
