"""DiT, PixArt, Latte, the CLIP priors, and Hunyuan-DiT with its long skips."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import full, ints, latent, mask, randn, rotary, timestep

WHOLE = torch.int64
BASIC: dict[str, Any] = {
    "num_layers": 6,
    "in_channels": 4,
    "out_channels": 8,
    "num_attention_heads": 4,
    "attention_head_dim": 12,
    "attention_bias": True,
    "activation_fn": "gelu-approximate",
    "sample_size": 8,
    "patch_size": 2,
}


def hunyuan_dit(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch),
        "encoder_hidden_states": randn(s.batch, 5, 24),
        "text_embedding_mask": mask(s.batch, 5, dtype=WHOLE),
        "encoder_hidden_states_t5": randn(s.batch, 7, 24),
        "text_embedding_mask_t5": mask(s.batch, 7, padding=3, dtype=WHOLE),
        "image_meta_size": full(64.0, s.batch, 6),
        "style": torch.zeros(s.batch, dtype=WHOLE),
        "image_rotary_emb": rotary(s.height * s.width, 8),
    }


HUNYUAN_DIT = Entry(
    class_name="HunyuanDiT2DModel",
    config={
        "num_layers": 8,
        "in_channels": 4,
        "num_attention_heads": 4,
        "attention_head_dim": 8,
        "hidden_size": 32,
        "sample_size": 8,
        "patch_size": 2,
        "cross_attention_dim": 24,
        "cross_attention_dim_t5": 24,
        "pooled_projection_dim": 12,
        "text_len": 5,
        "text_len_t5": 7,
    },
    sizes={"batch": 2, "height": 4, "width": 4},
    call=hunyuan_dit,
    blocks=("blocks",),
    tags={"mask", "long_skips"},
    note="8 blocks: 0, 1, 2 are popped as skips by 7, 6, 5; text lengths are fixed by learned "
    "padding states",
)

PRIOR = Entry(
    class_name="PriorTransformer",
    config={
        "num_layers": 6,
        "num_attention_heads": 4,
        "attention_head_dim": 8,
        "embedding_dim": 24,
        "num_embeddings": 7,
        "additional_embeddings": 4,
    },
    sizes={"batch": 2},
    call=lambda s: {
        "hidden_states": latent(s.batch, 24),
        "timestep": timestep(dtype=WHOLE),
        "proj_embedding": randn(s.batch, 24),
        "encoder_hidden_states": randn(s.batch, 7, 24),
        "attention_mask": mask(s.batch, 7),
    },
    blocks=("transformer_blocks",),
    tags={"mask"},
    note="one embedding is denoised; the sequence length is fixed; the time is a scalar",
)


def pixart(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
        "timestep": timestep(s.batch, dtype=WHOLE),
        "added_cond_kwargs": {
            "resolution": full(64.0, s.batch, 2),
            "aspect_ratio": full(1.0, s.batch, 1),
        },
    }


ENTRIES = (
    Entry(
        class_name="DiTTransformer2DModel",
        config={**BASIC, "num_embeds_ada_norm": 10},
        sizes={"batch": 2, "side": 4},
        call=lambda s: {
            "hidden_states": latent(s.batch, 4, 2 * s.side, 2 * s.side),
            "timestep": timestep(s.batch, dtype=WHOLE),
            "class_labels": ints(10, s.batch),
        },
        blocks=("transformer_blocks",),
        note="square images only; transformer_blocks[0].norm1.emb is used again after the loop",
    ),
    Entry(
        class_name="PixArtTransformer2DModel",
        config={
            **BASIC,
            "cross_attention_dim": 48,
            "caption_channels": 20,
            "use_additional_conditions": True,
        },
        sizes={"batch": 2, "height": 4, "width": 5, "text": 7},
        call=pixart,
        blocks=("transformer_blocks",),
        tags={"mask", "dict"},
    ),
    Entry(
        class_name="LatteTransformer3DModel",
        config={
            **BASIC,
            "cross_attention_dim": 48,
            "caption_channels": 20,
            "norm_type": "ada_norm_single",
            "norm_elementwise_affine": False,
            "num_embeds_ada_norm": 1000,
            "video_length": 3,
        },
        sizes={"batch": 2, "height": 4, "width": 5, "text": 7},
        call=lambda s: {
            "hidden_states": latent(s.batch, 4, 3, 2 * s.height, 2 * s.width),
            "encoder_hidden_states": randn(s.batch, s.text, 20),
            "timestep": timestep(s.batch, dtype=WHOLE),
        },
        blocks=("transformer_blocks", "temporal_transformer_blocks"),
        note="spatial and temporal blocks take turns; the number of frames is fixed by "
        "video_length",
    ),
    HUNYUAN_DIT,
    HUNYUAN_DIT.with_variant(
        "controlnet",
        tags={"mask", "long_skips", "controlnet"},
        call=lambda s: {
            "controlnet_block_samples": [randn(s.batch, s.height * s.width, 32) for _ in range(3)],
        },
        note="a residual for every skip; forward pops them off the list, so make the inputs "
        "anew for every call",
    ),
    PRIOR,
    PRIOR.with_variant(
        "shap_e",
        config={
            "num_embeddings": 9,
            "additional_embeddings": 0,
            "time_embed_act_fn": "gelu",
            "norm_in_type": "layer",
            "embedding_proj_norm_type": None,
            "encoder_hid_proj_type": None,
            "added_emb_type": None,
            "time_embed_dim": 128,
            "embedding_proj_dim": 16,
            "clip_embed_dim": 48,
        },
        call=lambda s: {
            "hidden_states": latent(s.batch, 9, 24),
            "proj_embedding": randn(s.batch, 16),
            "encoder_hidden_states": None,
            "attention_mask": None,
        },
        tags=set(),
        note="a sequence of tokens is denoised",
    ),
)
