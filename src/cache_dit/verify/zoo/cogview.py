"""Blocks that give image and text: CogVideoX, CogView, GLM-Image, EasyAnimate, Mochi; Allegro."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry, Make
from cache_dit.verify.zoo.spec import full, grid, ints, latent, mask, randn, rotary, timestep

WHOLE = torch.int64
BLOCKS = ("transformer_blocks",)
VIDEO_SIZES = {"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7}
COGVIDEO: dict[str, Any] = {
    "num_layers": 6,
    "num_attention_heads": 4,
    "attention_head_dim": 8,
    "in_channels": 4,
    "out_channels": 4,
    "time_embed_dim": 16,
    "text_embed_dim": 20,
    "sample_width": 8,
    "sample_height": 6,
    "sample_frames": 5,
    "use_rotary_positional_embeddings": True,
}
COGVIEW: dict[str, Any] = {
    "num_layers": 6,
    "num_attention_heads": 4,
    "attention_head_dim": 8,
    "in_channels": 4,
    "out_channels": 4,
    "text_embed_dim": 20,
    "time_embed_dim": 16,
    "condition_dim": 4,
}


def cogvideo(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, s.frames, 4, 2 * s.height, 2 * s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": timestep(s.batch, dtype=WHOLE),
        "image_rotary_emb": rotary(s.frames * s.height * s.width, 8),
    }


def cogvideo_1_5(s: SimpleNamespace) -> Arguments:
    """Two latent frames to a token, and the "ofs" condition of image-to-video."""
    return {
        **cogvideo(s),
        "hidden_states": latent(s.batch, 2 * s.frames, 4, 2 * s.height, 2 * s.width),
        "ofs": full(2.0, 1),
    }


def face(s: SimpleNamespace) -> Arguments:
    """Identity and picture features of a face (ConsisID)."""
    return {
        "id_cond": randn(s.batch, 16),
        "id_vit_hidden": [randn(s.batch, 5, 12) for _ in range(2)],
    }


def cogview(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": timestep(s.batch, dtype=WHOLE),
        "original_size": full(64.0, s.batch, 2),
        "target_size": full(64.0, s.batch, 2),
        "crop_coords": full(0.0, s.batch, 2),
    }


def glm(s: SimpleNamespace) -> Arguments:
    arguments = {
        **cogview(s),
        "prior_token_id": ints(64, s.batch, s.height * s.width),
        "prior_token_drop": torch.zeros(s.batch, s.height * s.width, dtype=torch.bool),
    }
    del arguments["original_size"]
    return arguments


def glm_reference(model: Any, make: Make, s: SimpleNamespace) -> Arguments:
    """A reference image for each sample is run without text; its keys and values are kept."""
    from diffusers.models.transformers import transformer_glm_image  # noqa: PLC0415

    caches = transformer_glm_image.GlmImageKVCache(num_layers=len(model.transformer_blocks))
    caches.set_mode("write")
    one = SimpleNamespace(**{**vars(s), "batch": 1, "text": 0})
    for sample in range(s.batch):
        reference = {
            "hidden_states": randn(1, 4, 2 * s.height, 2 * s.width),
            "timestep": torch.zeros(1),
        }
        model(**make({str(sample): {**glm(one), **reference}})[str(sample)], kv_caches=caches)
        caches.next_sample()
    caches.set_mode("read")
    return {"kv_caches": caches}


def video(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 4, s.frames, 2 * s.height, 2 * s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": timestep(s.batch),
    }


def allegro_rotary(s: SimpleNamespace) -> tuple[Any, Any]:
    """Rotary tables of each axis and, for each axis, the position of every token: [1, tokens]."""
    axes = (s.frames, s.height, s.width)
    tables = tuple(rotary(length, 4, interleaved=False) for length in axes)
    return tables, tuple(grid(*axes).long().T[:, None])


GLM = Entry(
    class_name="GlmImageTransformer2DModel",
    config={**COGVIEW, "prior_vq_quantizer_codebook_size": 64},
    sizes={"batch": 2, "height": 3, "width": 4, "text": 7},
    call=glm,
    blocks=BLOCKS,
)

ENTRIES = (
    Entry(
        class_name="CogVideoXTransformer3DModel",
        config=COGVIDEO,
        sizes=VIDEO_SIZES,
        call=cogvideo,
        blocks=BLOCKS,
    ),
    Entry(
        class_name="CogVideoXTransformer3DModel",
        variant="1.5",
        config={**COGVIDEO, "patch_size_t": 2, "ofs_embed_dim": 16, "patch_bias": False},
        sizes=VIDEO_SIZES,
        call=cogvideo_1_5,
        blocks=BLOCKS,
        tags={"reference"},
    ),
    Entry(
        class_name="ConsisIDTransformer3DModel",
        config={
            **COGVIDEO,
            "is_train_face": True,
            "cross_attn_interval": 2,
            "cross_attn_dim_head": 8,
            "cross_attn_num_heads": 4,
            "LFE_id_dim": 16,
            "LFE_vit_dim": 12,
            "LFE_depth": 2,
            "LFE_dim_head": 8,
            "LFE_num_heads": 4,
            "LFE_num_id_token": 2,
            "LFE_num_querie": 3,
            "LFE_output_dim": 21,
            "LFE_ff_mult": 2,
            "LFE_num_scale": 2,
        },
        sizes=VIDEO_SIZES,
        call=lambda s: {**cogvideo(s), **face(s)},
        blocks=BLOCKS,
        tags={"reference", "lists"},
        note="face features are injected after blocks 0, 2, 4 by perceiver_cross_attention[0..2]",
    ),
    Entry(
        class_name="CogView3PlusTransformer2DModel",
        config={**COGVIEW, "pos_embed_max_size": 16, "sample_size": 16},
        sizes={"batch": 2, "height": 3, "width": 4, "text": 7},
        call=cogview,
        blocks=BLOCKS,
    ),
    Entry(
        class_name="CogView4Transformer2DModel",
        config={**COGVIEW, "rope_axes_dim": (16, 16)},
        sizes={"batch": 2, "height": 3, "width": 4, "text": 7},
        call=cogview,
        blocks=BLOCKS,
    ),
    GLM,
    GLM.with_variant("kv_cache", tags={"kv_cache", "reference"}, prefill=glm_reference),
    Entry(
        class_name="EasyAnimateTransformer3DModel",
        config={
            "num_layers": 6,
            "mmdit_layers": 4,
            "num_attention_heads": 4,
            "attention_head_dim": 16,
            "in_channels": 4,
            "out_channels": 4,
            "patch_size": 2,
            "sample_height": 6,
            "sample_width": 8,
            "text_embed_dim": 20,
            "time_embed_dim": 16,
        },
        sizes=VIDEO_SIZES,
        call=video,
        blocks=BLOCKS,
        note="the last 2 of 6 blocks share one feed-forward between text and video "
        "(mmdit_layers=4)",
    ),
    Entry(
        class_name="MochiTransformer3DModel",
        config={
            "num_layers": 6,
            "num_attention_heads": 4,
            "attention_head_dim": 12,
            "pooled_projection_dim": 24,
            "in_channels": 4,
            "text_embed_dim": 24,
            "time_embed_dim": 16,
            "max_sequence_length": 16,
        },
        sizes=VIDEO_SIZES,
        call=lambda s: {
            **video(s),
            "encoder_hidden_states": randn(s.batch, s.text, 24),
            "encoder_attention_mask": mask(s.batch, s.text),
        },
        blocks=BLOCKS,
        tags={"mask"},
        note="the last block does not update the text stream",
    ),
    Entry(
        class_name="AllegroTransformer3DModel",
        config={
            "num_layers": 6,
            "num_attention_heads": 4,
            "attention_head_dim": 12,
            "in_channels": 4,
            "out_channels": 4,
            "cross_attention_dim": 48,
            "caption_channels": 20,
            "sample_width": 8,
            "sample_height": 6,
            "sample_frames": 8,
        },
        sizes=VIDEO_SIZES,
        call=lambda s: {
            **video(s),
            "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
            "image_rotary_emb": allegro_rotary(s),
        },
        blocks=BLOCKS,
        tags={"mask"},
    ),
)
