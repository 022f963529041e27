"""Language models: of all layers, or of their last hidden states, the text is made."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.text_encoders.entry import TextEncoderEntry

LAYERS: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
GEMMA: dict[str, Any] = {**LAYERS, "query_pre_attn_scalar": 8, "sliding_window": 6}

ENTRIES = (
    TextEncoderEntry(class_name="LlamaModel", config=LAYERS),
    TextEncoderEntry(
        class_name="LlamaModel",
        variant="one_key_head",
        config={**LAYERS, "num_key_value_heads": 1},
        note="which every rank has",
    ),
    TextEncoderEntry(class_name="LlamaForCausalLM", config=LAYERS),
    TextEncoderEntry(class_name="GemmaModel", config=LAYERS),
    TextEncoderEntry(class_name="Gemma2Model", config=GEMMA),
    TextEncoderEntry(class_name="Gemma2ForCausalLM", config=GEMMA, note="tied to its embedding"),
    TextEncoderEntry(
        class_name="GlmModel",
        config={**LAYERS, "attention_bias": True},
        note="gate and up are one projection",
    ),
    TextEncoderEntry(class_name="Ministral3ForCausalLM", config=LAYERS),
    TextEncoderEntry(
        class_name="PhiForCausalLM",
        config={**LAYERS, "num_key_value_heads": 8},
        note="of no pipeline yet",
    ),
    TextEncoderEntry(class_name="Qwen3Model", config=LAYERS),
    TextEncoderEntry(class_name="Qwen3ForCausalLM", config=LAYERS),
    TextEncoderEntry(
        class_name="Qwen3ForCausalLM",
        variant="tied",
        config={**LAYERS, "tie_word_embeddings": True},
    ),
    TextEncoderEntry(
        class_name="SmolLM3ForCausalLM",
        config={**LAYERS, "no_rope_layers": [1, 1, 0], "layer_types": ["full_attention"] * 3},
    ),
)
