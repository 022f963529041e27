"""Sana: images, video, a world model with camera paths and its cached refiner."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry, Make
from cache_dit.verify.zoo.spec import full, latent, mask, randn, timestep

WHOLE = torch.int64
WIDTH = 32  # 4 heads of 8
LAYERS: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 6,
    "num_attention_heads": 4,
    "attention_head_dim": 8,
    "num_cross_attention_heads": 4,
    "cross_attention_head_dim": 8,
    "cross_attention_dim": WIDTH,
    "caption_channels": 20,
    "sample_size": 8,
}

SANA = Entry(
    class_name="SanaTransformer2DModel",
    config=LAYERS,
    sizes={"batch": 2, "height": 4, "width": 5, "text": 7},
    call=lambda s: {
        "hidden_states": latent(s.batch, 4, s.height, s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
        "timestep": timestep(s.batch),
    },
    blocks=("transformer_blocks",),
    tags={"mask"},
)

SANA_VIDEO = Entry(
    class_name="SanaVideoTransformer3DModel",
    config={**LAYERS, "rope_max_seq_len": 32},
    sizes={"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7},
    call=lambda s: {
        "hidden_states": latent(s.batch, 4, s.frames, 2 * s.height, 2 * s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
        "timestep": timestep(s.batch),
    },
    blocks=("transformer_blocks",),
    tags={"mask"},
)


def residuals(s: SimpleNamespace) -> Arguments:
    """ControlNet residuals, added after blocks 1, 2 and 3 (not after block 0)."""
    tokens = getattr(s, "frames", 1) * s.height * s.width
    return {"controlnet_block_samples": tuple(randn(s.batch, tokens, WIDTH) for _ in range(3))}


def camera_path(s: SimpleNamespace) -> torch.Tensor:
    """A camera moving along x: flat pose, focal lengths, centre: [batch, frames, 20]."""
    poses = torch.eye(4).repeat(s.frames, 1, 1)
    poses[:, 0, 3] = 0.1 * torch.arange(s.frames)
    lens = torch.tensor([8.0, 8.0, s.width / 2, s.height / 2]).repeat(s.frames, 1)
    return torch.cat([poses.flatten(1), lens], dim=1).repeat(s.batch, 1, 1)


def refiner(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, s.frames * s.height * s.width, 4),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
        "timestep": timestep(s.batch, s.frames * s.height * s.width, dtype=torch.float32),
    }


def rotary(model: Any, s: SimpleNamespace, first: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The refiner's rotary tables for ``frames`` frames from position ``first`` on."""
    positions = list(range(first, first + s.frames))
    return model.build_rotary_emb_for_absolute_positions(
        s.batch, positions, s.height, s.width, torch.device("cpu"), 24.0
    )


def refiner_sink(model: Any, make: Make, s: SimpleNamespace) -> Arguments:
    """Clean frames are run once; their keys and values lead those of all later blocks of frames."""
    from diffusers.models.transformers import transformer_sana_wm_refiner  # noqa: PLC0415

    cache = transformer_sana_wm_refiner.SanaWMRefinerKVCache(len(model.transformer_blocks))
    clean = {
        **refiner(s),
        "timestep": full(0.0, s.batch, s.frames * s.height * s.width),
        "video_rotary_emb": rotary(model, s, 0),
    }
    model(**make(clean), kv_cache=cache, kv_cache_mode="capture_pre_rope")
    for layer in cache.layer_caches:
        layer.store_sink(*layer.get_captured_pre_rope())
    cache.sink_pe = rotary(model, s, 0)
    return {
        "kv_cache": cache,
        "kv_cache_mode": "inject",
        "video_rotary_emb": rotary(model, s, s.frames),
    }


ENTRIES = (
    SANA,
    SANA.with_variant("controlnet", tags={"mask", "controlnet"}, call=residuals),
    SANA.with_variant(
        "sprint",
        config={
            "guidance_embeds": True,
            "qk_norm": "rms_norm_across_heads",
            "timestep_scale": 1000.0,
        },
        call=lambda s: {"guidance": full(0.45, s.batch), "timestep": timestep(s.batch, start=0.9)},
    ),
    SANA_VIDEO,
    SANA_VIDEO.with_variant("controlnet", tags={"mask", "controlnet"}, call=residuals),
    Entry(
        class_name="SanaWMTransformer3DModel",
        config={
            "in_channels": 4,
            "num_layers": 6,
            "hidden_size": WIDTH,
            "num_attention_heads": 2,
            "linear_head_dim": 16,
            "softmax_every_n": 2,
            "caption_channels": 20,
            "mlp_ratio": 2.0,
            "chunk_plucker_channels": 8,
            "chunk_plucker_post_attn_blocks": 6,
        },
        sizes={"batch": 2, "frames": 3, "height": 3, "width": 4, "text": 7},
        call=lambda s: {
            "hidden_states": latent(s.batch, 4, s.frames, s.height, s.width),
            "timestep": timestep(s.batch, 1, s.frames, clean=1, dtype=torch.float32),
            "encoder_hidden_states": randn(s.batch, 1, s.text, 20),
            "mask": mask(s.batch, s.text, dtype=WHOLE),
            "data_info": {"img_hw": torch.tensor([[8.0 * s.height, 8.0 * s.width]])},
            "camera_conditions": camera_path(s),
            "chunk_plucker": randn(s.batch, 8, s.frames, s.height, s.width),
        },
        blocks=("blocks",),
        tags={"mask", "dict"},
        note="linear and softmax blocks take turns; the first frame is a clean condition with "
        "time 0",
    ),
    Entry(
        class_name="SanaWMLTX2RefinerTransformer3DModel",
        config={
            "in_channels": 4,
            "out_channels": 4,
            "num_attention_heads": 4,
            "attention_head_dim": 8,
            "cross_attention_dim": WIDTH,
            "audio_in_channels": 4,
            "audio_out_channels": 4,
            "audio_num_attention_heads": 4,
            "audio_attention_head_dim": 4,
            "audio_cross_attention_dim": 16,
            "num_layers": 6,
            "caption_channels": 20,
            "rope_double_precision": False,
        },
        sizes={"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7},
        call=refiner,
        prefill=refiner_sink,
        blocks=("transformer_blocks",),
        tags={"mask", "kv_cache"},
        note="always runs with a cache: keys and values of clean frames lead those of the "
        "denoised block of frames",
    ),
)
