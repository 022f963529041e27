"""FLUX and the models built like it: double-stream blocks, then single-stream blocks."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry, Make
from cache_dit.verify.zoo.spec import full, grid, kept, latent, randn, timestep

WIDTH = 64  # 4 heads of 16
BOTH = ("transformer_blocks", "single_transformer_blocks")
SIZES = {"batch": 2, "height": 4, "width": 5, "text": 7}
LAYERS: dict[str, Any] = {
    "in_channels": 8,
    "num_layers": 4,
    "num_single_layers": 6,
    "attention_head_dim": 16,
    "num_attention_heads": 4,
    "joint_attention_dim": 24,
}


def packed(s: SimpleNamespace) -> Arguments:
    """What every FLUX-like transformer takes: packed latents, text, time in 0..1, positions."""
    return {
        "hidden_states": latent(s.batch, s.height * s.width, 8),
        "encoder_hidden_states": randn(s.batch, s.text, 24),
        "timestep": timestep(s.batch, start=0.9),
        "img_ids": grid(s.height, s.width, before=1),
        "txt_ids": torch.zeros(s.text, 3),
    }


def residuals(s: SimpleNamespace) -> Arguments:
    """ControlNet residuals: fewer samples than blocks, so that one serves several blocks."""
    tokens = s.height * s.width
    return {
        "controlnet_block_samples": [randn(s.batch, tokens, WIDTH) for _ in range(2)],
        "controlnet_single_block_samples": [randn(s.batch, tokens, WIDTH) for _ in range(3)],
    }


def flux(s: SimpleNamespace) -> Arguments:
    return {
        **packed(s),
        "pooled_projections": randn(s.batch, 12),
        "guidance": full(3.5, s.batch),
    }


FLUX = Entry(
    class_name="FluxTransformer2DModel",
    config={
        **LAYERS,
        "pooled_projection_dim": 12,
        "guidance_embeds": True,
        "axes_dims_rope": (4, 6, 6),
    },
    sizes=SIZES,
    call=flux,
    blocks=BOTH,
)

CHROMA = Entry(
    class_name="ChromaTransformer2DModel",
    config={
        **LAYERS,
        "axes_dims_rope": (4, 6, 6),
        "approximator_num_channels": 8,
        "approximator_hidden_dim": 16,
        "approximator_layers": 2,
    },
    sizes=SIZES,
    call=lambda s: {
        **packed(s),
        "attention_mask": joint_mask(s),
    },
    blocks=BOTH,
    tags={"mask"},
    note="attention_mask covers text and image; ControlNet samples are added in place to "
    "single blocks' outputs",
)


def joint_mask(s: SimpleNamespace) -> torch.Tensor:
    """Chroma's mask over text (padded in the second prompt) and image: [batch, text + image]."""
    image = torch.ones(s.batch, s.height * s.width, dtype=torch.bool)
    return torch.cat([kept(s.batch, s.text), image], dim=1)


def flux2(s: SimpleNamespace) -> Arguments:
    """Positions are whole numbers (frame, row, column, word), with a batch dimension."""
    return {
        **packed(s),
        "img_ids": batched(grid(s.height, s.width, before=1, after=1), s),
        "txt_ids": batched(grid(s.text, before=3), s),
        "guidance": full(4.0, s.batch),
    }


def batched(ids: torch.Tensor, s: SimpleNamespace) -> torch.Tensor:
    return ids.long()[None].expand(s.batch, -1, -1)


def flux2_reference(model: Any, make: Make, s: SimpleNamespace) -> Arguments:
    """The first step of Klein-KV: reference tokens come first; their keys and values are kept."""
    from diffusers.models.transformers import transformer_flux2  # noqa: PLC0415

    for block in model.transformer_blocks:
        block.attn.set_processor(transformer_flux2.Flux2KVAttnProcessor())
    for block in model.single_transformer_blocks:
        block.attn.set_processor(transformer_flux2.Flux2KVParallelSelfAttnProcessor())
    reference = grid(s.height, s.width, before=1, after=1, offset=10)
    image = grid(s.height, s.width, before=1, after=1)
    arguments = {
        **flux2(s),
        "hidden_states": randn(s.batch, 2 * s.height * s.width, 8),
        "img_ids": batched(torch.cat([reference, image]), s),
        "guidance": None,
        "kv_cache_mode": "extract",
        "num_ref_tokens": s.height * s.width,
    }
    return {"kv_cache": model(**make(arguments)).kv_cache, "kv_cache_mode": "cached"}


FLUX2 = Entry(
    class_name="Flux2Transformer2DModel",
    config={**LAYERS, "timestep_guidance_channels": 16, "axes_dims_rope": (4, 4, 4, 4)},
    sizes=SIZES,
    call=flux2,
    blocks=BOTH,
)

FLUX3 = Entry(
    class_name="Flux3Transformer2DModel",
    config={
        **LAYERS,
        "cond_in_channels": 8,
        "timestep_channels": 16,
        "axes_dims_rope": (4, 4, 4, 4),
    },
    sizes=SIZES,
    call=lambda s: {
        **packed(s),
        "img_ids": grid(s.height, s.width, before=1, after=1),
        "txt_ids": grid(s.text, before=3),
    },
    blocks=("txt_mode_blocks", "mode_blocks.image", "single_transformer_blocks"),
)

ENTRIES = (
    FLUX,
    FLUX.with_variant("controlnet", tags={"controlnet"}, call=residuals),
    FLUX2,
    FLUX2.with_variant(
        "kv_cache",
        tags={"kv_cache", "reference"},
        config={"guidance_embeds": False},
        call=lambda s: {"guidance": None},
        prefill=flux2_reference,
        note="the pipeline sets attention processors that know the cache; prepare does the same",
    ),
    FLUX3,
    FLUX3.with_variant(
        "edit",
        sizes={**SIZES, "reference": 6},
        call=lambda s: {
            "image_cond_hidden_states": randn(s.batch, s.reference, 8),
            "image_cond_ids": grid(s.reference, before=2, after=1, offset=1),
        },
        blocks=(
            "txt_mode_blocks",
            "mode_blocks.image",
            "mode_blocks.image_cond",
            "single_transformer_blocks",
        ),
        tags={"reference"},
        note="reference tokens have a list of blocks of their own before they join the image's",
    ),
    CHROMA,
    CHROMA.with_variant("controlnet", tags={"controlnet", "mask"}, call=residuals),
    Entry(
        class_name="LongCatImageTransformer2DModel",
        config={**LAYERS, "axes_dims_rope": (4, 6, 6)},
        sizes=SIZES,
        call=packed,
        blocks=BOTH,
    ),
    Entry(
        class_name="OvisImageTransformer2DModel",
        config={**LAYERS, "out_channels": 8, "axes_dims_rope": (4, 6, 6)},
        sizes=SIZES,
        call=packed,
        blocks=BOTH,
    ),
)
