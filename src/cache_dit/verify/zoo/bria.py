"""Bria's models: FLUX-like blocks, fed with another text layer each, and FIBO 2."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import grid, latent, mask, randn, timestep

WIDTH = 32  # 4 heads of 8
BOTH = ("transformer_blocks", "single_transformer_blocks")
SIZES = {"batch": 2, "height": 4, "width": 5, "text": 7}
LAYERS: dict[str, Any] = {
    "in_channels": 8,
    "num_layers": 4,
    "num_single_layers": 6,
    "attention_head_dim": 8,
    "num_attention_heads": 4,
    "axes_dims_rope": [0, 4, 4],
}


def bria(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, s.height * s.width, 8),
        "encoder_hidden_states": randn(s.batch, s.text, 24),
        "timestep": timestep(s.batch),
        "img_ids": grid(s.height, s.width, before=1),
        "txt_ids": torch.zeros(s.text, 3),
    }


def residuals(s: SimpleNamespace) -> Arguments:
    """ControlNet residuals; those of single blocks are added in place, from token ``text`` on."""
    tokens = s.height * s.width
    return {
        "controlnet_block_samples": [randn(s.batch, tokens, WIDTH) for _ in range(2)],
        "controlnet_single_block_samples": [
            randn(s.batch, tokens - s.text, WIDTH) for _ in range(3)
        ],
    }


BRIA = Entry(
    class_name="BriaTransformer2DModel",
    config={**LAYERS, "joint_attention_dim": 24},
    sizes=SIZES,
    call=bria,
    blocks=BOTH,
)

FIBO2 = Entry(
    class_name="BriaFibo2Transformer2DModel",
    config={
        "in_channels": 4,
        "dim": 48,
        "n_layers": 6,
        "n_refiner_layers": 2,
        "n_heads": 4,
        "cap_feat_dim": 24,
        "injection_layer_ids": [1, 3, 4],
        "perceiver_num_layers": 1,
        "min_num_gist_tokens": 4,
        "max_num_gist_tokens": 8,
        "gist_step": 4,
        "gist_min_text_len": 4,
        "gist_max_text_len": 16,
        "axes_dims": [4, 4, 4],
        "axes_lens": [16, 16, 16],
    },
    sizes=SIZES,
    call=lambda s: {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch, start=0.9),
        "encoder_hidden_states": randn(s.batch, 4, s.text, 24),
        "encoder_attention_mask": mask(s.batch, s.text, padding=4),
    },
    blocks=("layers",),
    tags={"mask"},
    note="text states: one bundle for the gist tokens and one for every id in "
    "injection_layer_ids; head size is 12",
)

ENTRIES = (
    BRIA,
    BRIA.with_variant("controlnet", tags={"controlnet"}, call=residuals),
    Entry(
        class_name="BriaFiboTransformer2DModel",
        config={**LAYERS, "joint_attention_dim": 24, "text_encoder_dim": 12},
        sizes=SIZES,
        call=lambda s: {
            **bria(s),
            "text_encoder_layers": [randn(s.batch, s.text, 12) for _ in range(10)],
        },
        blocks=BOTH,
        tags={"lists"},
        note="text_encoder_layers: one text state for every block",
    ),
    FIBO2,
    FIBO2.with_variant(
        "reference",
        tags={"mask", "reference", "lists"},
        call=lambda s: {"context_latents": [randn(s.batch, 4, 4, 4)]},
    ),
)
