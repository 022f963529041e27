"""Qwen-Image 1 and 2.1, Nucleus-Image (a mixture of experts) and JoyImage."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry, Make
from cache_dit.verify.zoo.spec import joined, latent, mask, randn, timestep

WHOLE = torch.int64
BLOCKS = ("transformer_blocks",)
WIDTH = 64  # 4 heads of 16
SIZES = {"batch": 2, "height": 4, "width": 5, "text": 7}
LAYERS: dict[str, Any] = {
    "num_layers": 6,
    "in_channels": 8,
    "out_channels": 2,
    "attention_head_dim": 16,
    "num_attention_heads": 4,
    "joint_attention_dim": 20,
    "axes_dims_rope": (4, 6, 6),
}
JOY: dict[str, Any] = {
    "in_channels": 4,
    "hidden_size": 48,
    "num_attention_heads": 4,
    "text_dim": 20,
    "mlp_width_ratio": 2.0,
    "num_layers": 6,
    "rope_dim_list": [4, 4, 4],
}


def qwen(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, s.height * s.width, 8),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_hidden_states_mask": mask(s.batch, s.text, dtype=WHOLE),
        "timestep": timestep(s.batch, start=0.9),
        "img_shapes": [[(1, s.height, s.width)]] * s.batch,
    }


def qwen_edit(s: SimpleNamespace) -> Arguments:
    """A reference image of another size follows the latents, modulated as if at time 0."""
    return {
        "hidden_states": joined(1, latent(s.batch, s.height * s.width, 8), randn(s.batch, 6, 8)),
        "img_shapes": [[(1, s.height, s.width), (1, 2, 3)]] * s.batch,
    }


def qwen21(s: SimpleNamespace, reference: int = 0) -> Arguments:
    """One text position stands for 4 image tokens; those of a reference are in the text."""
    slots = s.height * s.width // 4
    words = torch.zeros(s.text, dtype=torch.bool)
    words[1 : 1 + reference] = True
    shapes = [(1, 2, 2 * reference)] if reference else []
    return {
        "hidden_states": joined(
            1, randn(s.batch, 4 * reference, 8), latent(s.batch, s.height * s.width, 8)
        ),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_hidden_states_mask": mask(s.batch, s.text, dtype=WHOLE),
        "timestep": timestep(s.batch, start=0.9),
        "img_shapes": [[*shapes, (1, s.height, s.width)]] * s.batch,
        "img_mask": torch.cat([words, torch.ones(slots, dtype=torch.bool)]).expand(s.batch, -1),
    }


def qwen21_first_step(model: Any, make: Make, s: SimpleNamespace) -> Arguments:
    """The first step runs all tokens and keeps the keys and values of text and reference image."""
    from diffusers.models.transformers import transformer_qwenimage21  # noqa: PLC0415

    cache = transformer_qwenimage21.QwenImage21KVCache(len(model.transformer_blocks))
    model(**make(qwen21(s, reference=2)), kv_cache=cache, kv_cache_mode="extract")
    return {"kv_cache": cache, "kv_cache_mode": "cached"}


def joy(s: SimpleNamespace) -> tuple[int, ...]:
    """The shape of one image of JoyImage: channels, one frame, rows, columns."""
    return 4, 1, 2 * s.height, 2 * s.width


def joy_plus(s: SimpleNamespace) -> Arguments:
    """Patches of target and reference; the second sample's reference is smaller, and padded."""
    patch = (4, 1, 2, 2)
    shapes = [[(1, s.height, s.width), (1, 2, 3 if row == 0 else 2)] for row in range(s.batch)]
    return {
        "hidden_states": joined(
            1, latent(s.batch, s.height * s.width, *patch), randn(s.batch, 6, *patch)
        ),
        "timestep": timestep(s.batch),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_hidden_states_mask": mask(s.batch, s.text, dtype=None),
        "shape_list": shapes,
    }


QWEN = Entry(
    class_name="QwenImageTransformer2DModel",
    config=LAYERS,
    sizes=SIZES,
    call=qwen,
    blocks=BLOCKS,
    tags={"mask"},
)

QWEN21 = Entry(
    class_name="QwenImage21Transformer2DModel",
    config={
        **{key: value for key, value in LAYERS.items() if key != "joint_attention_dim"},
        "out_channels": 8,
        "context_in_dim": 20,
        "mlp_ratio": 2,
    },
    sizes={"batch": 2, "height": 4, "width": 6, "text": 7},
    call=qwen21,
    blocks=BLOCKS,
    tags={"mask"},
    note="the output has all tokens, text first; pipelines keep the last height * width (a "
    "multiple of 4)",
)

ENTRIES = (
    QWEN,
    QWEN.with_variant(
        "controlnet",
        tags={"mask", "controlnet"},
        call=lambda s: {
            "controlnet_block_samples": [
                randn(s.batch, s.height * s.width, WIDTH) for _ in range(3)
            ],
        },
    ),
    QWEN.with_variant(
        "edit",
        config={"zero_cond_t": True},
        call=qwen_edit,
        tags={"mask", "reference"},
        note="blocks get temb of twice the batch and an index of which half is whose",
    ),
    QWEN21,
    QWEN21.with_variant("edit", call=lambda s: qwen21(s, reference=2), tags={"mask", "reference"}),
    QWEN21.with_variant(
        "kv_cache",
        call=lambda s: qwen21(s, reference=2),
        prefill=qwen21_first_step,
        tags={"mask", "reference", "kv_cache"},
        note="the pipelines' default: from the second step on only the image's tokens run "
        "through the blocks",
    ),
    Entry(
        class_name="NucleusMoEImageTransformer2DModel",
        config={
            **LAYERS,
            "num_experts": 4,
            "moe_intermediate_dim": 24,
            "mlp_ratio": 4.0,
            "capacity_factors": [2.0] * 6,
        },
        sizes=SIZES,
        call=lambda s: {**qwen(s), "img_shapes": [(1, s.height, s.width)] * s.batch},
        blocks=BLOCKS,
        tags={"mask", "experts"},
        note="blocks 3 and 4 route tokens to experts: outputs jump where a token changes experts",
    ),
    Entry(
        class_name="JoyImageEditTransformer3DModel",
        config=JOY,
        sizes=SIZES,
        call=lambda s: {
            "hidden_states": joined(1, *(make(s.batch, 1, *joy(s)) for make in (randn, latent))),
            "timestep": timestep(s.batch),
            "encoder_hidden_states": randn(s.batch, s.text, 20),
        },
        blocks=("double_blocks",),
        tags={"reference"},
        note="the reference image is the first item of dimension 1",
    ),
    Entry(
        class_name="JoyImageEditPlusTransformer3DModel",
        config=JOY,
        sizes=SIZES,
        call=joy_plus,
        blocks=("double_blocks",),
        tags={"mask", "reference", "lists"},
    ),
)
