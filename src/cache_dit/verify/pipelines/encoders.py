"""Tiny text and vision encoders of transformers, and tokenizers made without a vocabulary file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from cache_dit.verify.zoo.weights import randomise

WORDS = (
    "a",
    "the",
    "of",
    "on",
    "red",
    "green",
    "small",
    "big",
    "cat",
    "dog",
    "tree",
    "boat",
    "sky",
)


def encoder(name: str, **config: Any) -> Any:
    """A model of transformers with random weights, from its class name and its configuration."""
    transformers = importlib.import_module("transformers")
    cls = getattr(transformers, name)
    made = cls(cls.config_class(**config))
    randomise(made)
    return made.eval().requires_grad_(False)


def tokenizer(length: int = 16) -> Any:
    """A tokenizer of whole words, for texts of up to ``length`` tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    vocabulary = {word: index for index, word in enumerate(["<pad>", "</s>", "<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        unk_token="<unk>",
        pad_token="<pad>",
        eos_token="</s>",
        model_max_length=length,
    )


def clip_and_t5() -> Mapping[str, Any]:
    """The text components of FLUX: 12 pooled channels of CLIP, 24 channels of T5."""
    return {
        "text_encoder": encoder(
            "CLIPTextModel",
            vocab_size=32,
            hidden_size=12,
            intermediate_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=16,
            eos_token_id=1,
            pad_token_id=0,
            bos_token_id=0,
        ),
        "tokenizer": tokenizer(),
        "text_encoder_2": encoder(
            "T5EncoderModel",
            vocab_size=32,
            d_model=24,
            d_kv=6,
            d_ff=32,
            num_layers=2,
            num_heads=4,
        ),
        "tokenizer_2": tokenizer(),
    }


def umt5() -> Mapping[str, Any]:
    """The text components of Wan: 20 channels of UMT5."""
    config = {"vocab_size": 32, "d_model": 20, "d_kv": 6, "d_ff": 32, "num_layers": 2}
    return {
        "text_encoder": encoder("UMT5EncoderModel", **config, num_heads=4),
        "tokenizer": tokenizer(),
    }


def qwen_vl() -> Mapping[str, Any]:
    """The text components of Qwen-Image: 20 channels of a language model that sees."""
    text = {
        "vocab_size": 32,
        "hidden_size": 20,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 2, 2], "rope_theta": 1e4},
    }
    sight = {
        "depth": 1,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": 20,
    }
    names = ("image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id")
    tokens = {name: 28 + number for number, name in enumerate(names)}
    return {
        "text_encoder": encoder(
            "Qwen2_5_VLForConditionalGeneration", text_config=text, vision_config=sight, **tokens
        ),
        "tokenizer": tokenizer(1024),
    }


def siglip() -> Mapping[str, Any]:
    """A vision encoder of 16 channels and its image processor."""
    from transformers import SiglipImageProcessor  # noqa: PLC0415

    return {
        "image_encoder": encoder(
            "SiglipVisionModel",
            hidden_size=16,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            image_size=16,
            patch_size=8,
        ),
        "feature_extractor": SiglipImageProcessor(size={"height": 16, "width": 16}),
    }


def clip_projections(width: int, length: int) -> Mapping[str, Any]:
    """Both halves of CLIP, of ``width`` channels, for texts of ``length`` tokens."""
    layers = {
        "hidden_size": width,
        "projection_dim": width,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    words = {"vocab_size": 32, "eos_token_id": 1, "pad_token_id": 0, "bos_token_id": 0}
    return {
        "text_encoder": encoder(
            "CLIPTextModelWithProjection", **layers, **words, max_position_embeddings=length
        ),
        "tokenizer": tokenizer(length),
        "image_encoder": encoder(
            "CLIPVisionModelWithProjection", **layers, image_size=16, patch_size=8
        ),
    }
