"""Encoders: T5 and its relatives, CLIP, BERT."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.text_encoders.entry import TextEncoderEntry
from cache_dit.verify.text_encoders.language import GEMMA

T5: dict[str, Any] = {
    "vocab_size": 64,
    "d_model": 32,
    "d_kv": 6,
    "d_ff": 48,
    "num_layers": 3,
    "num_heads": 8,
    "feed_forward_proj": "gated-gelu",
}
CLIP: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "projection_dim": 20,
}
T5_GEMMA = {
    "encoder": GEMMA,
    "decoder": {**GEMMA, "cross_attention_hidden_size": 32},
    "vocab_size": 64,
}

ENTRIES = (
    TextEncoderEntry(class_name="T5EncoderModel", config=T5),
    TextEncoderEntry(
        class_name="T5EncoderModel", variant="ungated", config={**T5, "feed_forward_proj": "relu"}
    ),
    TextEncoderEntry(
        class_name="UMT5EncoderModel", config=T5, note="every layer has a bias of its own"
    ),
    TextEncoderEntry(
        class_name="T5GemmaEncoder",
        module="transformers.models.t5gemma.modeling_t5gemma",
        config=T5_GEMMA,
        part_of="encoder",
    ),
    TextEncoderEntry(
        class_name="T5GemmaEncoderModel", config={**T5_GEMMA, "is_encoder_decoder": False}
    ),
    TextEncoderEntry(class_name="CLIPTextModel", config=CLIP),
    TextEncoderEntry(class_name="CLIPTextModelWithProjection", config=CLIP),
    TextEncoderEntry(
        class_name="BertModel",
        config={**CLIP, "max_position_embeddings": 32},
    ),
)
