"""Descendants of Wan that are driven by a face, a reference video, or their own earlier frames."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry, Make
from cache_dit.verify.zoo.spec import joined, latent, randn, timestep
from cache_dit.verify.zoo.wan import BLOCKS, LAYERS, WHOLE


def face_video(s: SimpleNamespace) -> Arguments:
    """A pose for every latent frame but the first, and a face for every frame of those."""
    size = (2 * s.height, 2 * s.width)
    return {
        "hidden_states": joined(
            1, latent(s.batch, 4, s.frames, *size), randn(s.batch, 8, s.frames, *size)
        ),
        "timestep": timestep(s.batch, dtype=WHOLE),
        "encoder_hidden_states": randn(s.batch, 512, 20),
        "encoder_hidden_states_image": randn(s.batch, 5, 24),
        "pose_hidden_states": randn(s.batch, 4, s.frames - 1, *size),
        "face_pixel_values": randn(s.batch, 3, 4 * (s.frames - 1) - 3, 16, 16),
    }


def animate2(s: SimpleNamespace) -> Arguments:
    """One sample in lists; one latent frame (the reference picture) more than the video."""
    size = (s.frames + 1, 2 * s.height, 2 * s.width)
    return {
        "hidden_states": [latent(8, *size)],
        "timestep": timestep(1),
        "encoder_hidden_states": [randn(s.text, 20)],
        "condition_latents": [randn(12, *size)],
        "encoder_hidden_states_image": randn(1, 5, 1280),
        "seq_len": (s.frames + 1) * s.height * s.width,
        "reference_grid_sizes": torch.tensor([[s.frames, s.height, s.width]]),
        "origin_len": 4 * s.frames - 3,
        "origin_area": [16 * s.height, 16 * s.width],
    }


def animate2_reference(model: Any, make: Make, s: SimpleNamespace) -> Arguments:
    """The driving video is run once, and every block keeps its keys and values."""
    from diffusers.models.transformers import transformer_wan_animate_2  # noqa: PLC0415

    size = (s.frames, 2 * s.height, 2 * s.width)
    cache = transformer_wan_animate_2.WanAnimate2KVCache(len(model.blocks))
    driving = {
        **animate2(s),
        "hidden_states": [randn(8, *size)],
        "condition_latents": [randn(12, *size)],
        "seq_len": s.frames * s.height * s.width,
        "offset_grid_sizes": torch.tensor([[s.frames, s.height, s.width]]),
    }
    model(**make(driving), kv_cache=cache, kv_cache_mode="extract")
    mask = (s.frames, s.height * s.width)
    # The model would have its mask compiled, which takes a CPU far longer than all of its blocks.
    with torch.compiler.set_stance("force_eager"):
        model.block_masks[mask] = model.create_mask(*mask, torch.device("cpu"))
    return {"kv_cache": cache, "kv_cache_mode": "cached"}


def anyflow(s: SimpleNamespace) -> Arguments:
    """A time for every frame, and the time that the step leads to."""
    return {
        "hidden_states": latent(s.batch, s.frames, 4, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch, s.frames),
        "r_timestep": timestep(s.batch, s.frames, start=860.0),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
    }


def far(s: SimpleNamespace) -> Arguments:
    """The fourth chunk of frames; of three in the cache the oldest is compressed."""
    return {**anyflow(s), "chunk_partition": [s.frames] * 4}


def far_history(model: Any, make: Make, s: SimpleNamespace) -> Arguments:
    """Three clean chunks are run at time 0; every block writes keys and values to its buffers."""
    tokens = s.frames * s.height * s.width
    frames = 3 * s.frames
    clean = {
        "hidden_states": randn(s.batch, frames, 4, 2 * s.height, 2 * s.width),
        "timestep": torch.zeros(s.batch, frames),
        "r_timestep": torch.zeros(s.batch, frames),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "kv_cache": {
            layer: {
                "full_cache": torch.zeros(2, s.batch, 4, 3 * tokens, 12),
                "compressed_cache": torch.zeros(2, s.batch, 4, 2 * tokens // 4, 12),
            }
            for layer in range(len(model.blocks))
        },
    }
    made = make(clean)
    flag = {"num_cached_chunks": 0, "is_cache_step": True}
    model(**made, chunk_partition=[s.frames] * 3, kv_cache_flag=flag)
    return {
        "kv_cache": made["kv_cache"],
        "kv_cache_flag": {"num_cached_chunks": 3, "is_cache_step": False},
    }


ANIMATE2 = Entry(
    class_name="WanAnimate2Transformer3DModel",
    config={
        "text_len": 16,
        "in_dim": 20,
        "dim": 64,
        "ffn_dim": 96,
        "freq_dim": 16,
        "text_dim": 20,
        "out_dim": 8,
        "num_heads": 4,
        "num_layers": 6,
    },
    sizes={"frames": 2, "height": 3, "width": 4, "text": 7},
    call=animate2,
    prefill=animate2_reference,
    blocks=BLOCKS,
    tags={"kv_cache", "lists", "reference", "flex"},
    note="one sample only; positional arguments of a block: hidden_states; self-attention is "
    "flex attention",
)

FAR = Entry(
    class_name="AnyFlowFARTransformer3DModel",
    config={**LAYERS, "num_layers": 4, "full_chunk_limit": 3, "chunk_partition": (1, 1, 1, 1)},
    sizes={"batch": 2, "frames": 1, "height": 4, "width": 4, "text": 7},
    call=far,
    prefill=far_history,
    blocks=BLOCKS,
    tags={"kv_cache", "flex"},
    note="forward writes to kv_cache_flag; the cache is a dict of buffers by block index",
)

ENTRIES = (
    Entry(
        class_name="WanAnimateTransformer3DModel",
        config={
            **LAYERS,
            "in_channels": 12,
            "latent_channels": 4,
            "image_dim": 24,
            "added_kv_proj_dim": 48,
            "motion_encoder_channel_sizes": {"4": 16, "8": 16, "16": 16},
            "motion_encoder_size": 16,
            "motion_style_dim": 8,
            "motion_dim": 4,
            "motion_encoder_dim": 16,
            "face_encoder_hidden_dim": 16,
            "face_encoder_num_heads": 2,
            "inject_face_latents_blocks": 2,
        },
        sizes={"batch": 2, "frames": 3, "height": 3, "width": 4},
        call=face_video,
        blocks=BLOCKS,
        tags={"reference"},
        note="face features are added after blocks 0, 2 and 4; text must have 512 states; "
        "frames must be 2 or more",
    ),
    ANIMATE2,
    ANIMATE2.with_variant(
        "unconditional",
        config={"num_layers": 11},
        call=lambda s: {"is_uncondtion": True},
        idle=("blocks.9",),
        note="the unconditional branch leaves out block 9",
    ),
    Entry(
        class_name="AnyFlowTransformer3DModel",
        config=LAYERS,
        sizes={"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7},
        call=anyflow,
        blocks=BLOCKS,
    ),
    FAR,
    FAR.with_variant(
        "no_cache",
        prefill=None,
        call=lambda s: {
            **anyflow(SimpleNamespace(**{**vars(s), "frames": 4 * s.frames})),
        },
        tags={"flex"},
        note="all chunks at once under a causal block mask (use_kv_cache=False)",
    ),
)
