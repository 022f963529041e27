"""Models that see, of which pipelines use what they make of text, sometimes of pictures as well."""

from __future__ import annotations

from typing import Any

import torch

from cache_dit.verify.text_encoders.entry import TextEncoderEntry
from cache_dit.verify.text_encoders.language import GEMMA, LAYERS
from cache_dit.verify.zoo.spec import randn

IMAGE, START, END, VIDEO = 60, 61, 62, 63
TOKENS = {
    "image_token_id": IMAGE,
    "vision_start_token_id": START,
    "vision_end_token_id": END,
    "video_token_id": VIDEO,
}
ROPE = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
QWEN = {**LAYERS, "rope_parameters": ROPE}
QWEN2 = {**QWEN, "num_attention_heads": 4}  # whose width is that of the text
SIGLIP: dict[str, Any] = {
    "model_type": "siglip_vision_model",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}
PIXTRAL: dict[str, Any] = {
    "model_type": "pixtral",
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "head_dim": 8,
    "image_size": 16,
    "patch_size": 4,
}


def patches(width: int) -> dict[str, Any]:
    """One picture for each prompt: 4 x 4 patches, of which 4 become one token."""
    return {
        "pixel_values": randn(32, width),
        "image_grid_thw": torch.tensor([[1, 4, 4], [1, 4, 4]]),
    }


def qwen_types() -> dict[str, Any]:
    """Which tokens are words, and which are those of a picture."""
    types = torch.zeros(2, 13, dtype=torch.long)
    types[:, 4:8] = 1
    return {**patches(3 * 2 * 4 * 4), "mm_token_type_ids": types}


QWEN2_VL = TextEncoderEntry(
    class_name="Qwen2VLForConditionalGeneration",
    config={
        **TOKENS,
        "text_config": QWEN2,
        "vision_config": {
            "depth": 1,
            "embed_dim": 16,
            "hidden_size": 32,
            "num_heads": 2,
            "patch_size": 4,
        },
    },
)
QWEN25_VL = TextEncoderEntry(
    class_name="Qwen2_5_VLForConditionalGeneration",
    config={
        **TOKENS,
        "text_config": QWEN2,
        "vision_config": {
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 24,
            "num_heads": 2,
            "patch_size": 4,
            "out_hidden_size": 32,
            "fullatt_block_indexes": [0],
        },
    },
)
QWEN3_VL_CONFIG: dict[str, Any] = {
    **TOKENS,
    "text_config": QWEN,
    "vision_config": {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_heads": 2,
        "patch_size": 4,
        "out_hidden_size": 32,
        "num_position_embeddings": 16,
        "deepstack_visual_indexes": [0],
    },
}
QWEN3_VL = TextEncoderEntry(class_name="Qwen3VLForConditionalGeneration", config=QWEN3_VL_CONFIG)
MISTRAL3: dict[str, Any] = {
    "text_config": {**LAYERS, "model_type": "mistral"},
    "vision_config": PIXTRAL,
    "image_token_index": IMAGE,
}

GEMMA4: dict[str, Any] = {
    **GEMMA,
    "num_key_value_heads": 4,
    "global_head_dim": 16,
    "num_global_key_value_heads": 2,
    "attention_k_eq_v": True,
    "num_kv_shared_layers": 1,
    "num_hidden_layers": 4,
    "layer_types": ["sliding_attention", "full_attention"] * 2,
    "vocab_size_per_layer_input": 64,
    "hidden_size_per_layer_input": 4,
}

ENTRIES = (
    QWEN2_VL,
    QWEN25_VL,
    QWEN25_VL.with_variant("image", call=qwen_types, image_token=IMAGE, tokens=4),
    TextEncoderEntry(class_name="Qwen2_5_VLTextModel", config=QWEN2),
    QWEN3_VL,
    QWEN3_VL.with_variant("image", call=qwen_types, image_token=IMAGE, tokens=4),
    TextEncoderEntry(class_name="Qwen3VLModel", config=QWEN3_VL_CONFIG),
    TextEncoderEntry(class_name="Qwen3VLTextModel", config=QWEN),
    TextEncoderEntry(
        class_name="Qwen3_5ForConditionalGeneration",
        config={
            **QWEN3_VL_CONFIG,
            "text_config": {
                **QWEN,
                "num_hidden_layers": 4,
                "linear_num_key_heads": 4,
                "linear_num_value_heads": 8,
                "linear_key_head_dim": 8,
                "linear_value_head_dim": 8,
            },
        },
        note="three of four layers are linear attention",
    ),
    TextEncoderEntry(class_name="Mistral3ForConditionalGeneration", config=MISTRAL3),
    TextEncoderEntry(class_name="Mistral3Model", config=MISTRAL3),
    TextEncoderEntry(
        class_name="LlavaForConditionalGeneration",
        config={
            "text_config": {**LAYERS, "model_type": "llama"},
            "vision_config": {**SIGLIP, "model_type": "clip_vision_model"},
            "image_token_index": IMAGE,
        },
    ),
    TextEncoderEntry(
        class_name="Gemma3ForConditionalGeneration",
        config={
            "text_config": {**GEMMA, "layer_types": ["sliding_attention"] * 2 + ["full_attention"]},
            "vision_config": SIGLIP,
            "mm_tokens_per_image": 4,
            "image_token_index": IMAGE,
        },
    ),
    TextEncoderEntry(
        class_name="Gemma4ForConditionalGeneration",
        config={"text_config": GEMMA4, "vision_config": None, "audio_config": None},
        note="layers of two widths, with two numbers of key heads",
    ),
    TextEncoderEntry(
        class_name="Gemma4ForConditionalGeneration",
        variant="experts",
        config={
            "text_config": {
                **GEMMA4,
                "enable_moe_block": True,
                "num_experts": 4,
                "top_k_experts": 2,
                "moe_intermediate_size": 24,
            },
            "experts_implementation": "eager",  # grouped matrix products know no float64
            "vision_config": None,
            "audio_config": None,
        },
    ),
    TextEncoderEntry(
        class_name="Gemma4UnifiedForConditionalGeneration",
        config={"text_config": GEMMA4},
    ),
    TextEncoderEntry(
        class_name="T5Gemma2Encoder",
        config={"text_config": {**GEMMA, "dropout_rate": 0.0}, "vision_config": SIGLIP},
    ),
    TextEncoderEntry(
        class_name="GlmImageForConditionalGeneration",
        config={
            "text_config": {**QWEN, "vision_vocab_size": 40},
            "vision_config": {
                "depth": 1,
                "hidden_size": 16,
                "intermediate_size": 24,
                "num_heads": 2,
                "patch_size": 4,
                "image_size": 16,
            },
            "vq_config": {"embed_dim": 16, "latent_channels": 16, "num_embeddings": 40},
        },
    ),
)
