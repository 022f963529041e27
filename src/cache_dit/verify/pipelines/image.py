"""Text to image with joint attention: Qwen-Image, SD3, HiDream, AuraFlow, Bria, CogView, GLM."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_kl,
    autoencoder_wan,
    from_diffusers,
    parts,
)
from cache_dit.verify.pipelines.encoders import qwen_vl, tokenizer
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.texts import (
    EMBEDS,
    EMBEDS_2,
    MASKS,
    MASKS_2,
    image_size,
    masks,
    pooled,
    prompts,
    states,
)
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import ints, randn

SIZES = {"batch": 1, "height": 64, "width": 80, "text": 7}
ONE, COND, BOTH = ("",), ("cond",), ("cond", "uncond")


def qwen(s: SimpleNamespace) -> Arguments:
    return {**image_size(s), **states(s, 20), **masks(s, MASKS), "true_cfg_scale": 4.0}


def hidream(s: SimpleNamespace) -> Arguments:
    """States of T5 for the first blocks, and of Llama for each of the 10 blocks."""
    llama = ("prompt_embeds_llama3", "negative_prompt_embeds_llama3")
    return {
        **image_size(s),
        **states(s, 20, ("prompt_embeds_t5", "negative_prompt_embeds_t5")),
        **{name: randn(10, s.batch, s.text, 16) for name in llama},
        **pooled(s),
    }


class Qwen3Processor:
    """In place of the real one: the pipeline asks it for two numbers, and encodes no text."""

    def __init__(self) -> None:
        self.tokenizer = tokenizer()

    def apply_chat_template(self, *args: Any, **kwargs: Any) -> list[list[int]]:
        return [[0]]


QWEN = PipelineEntry(
    class_name="QwenImagePipeline",
    components=parts(
        "QwenImageTransformer2DModel", vae=lambda: autoencoder_wan(2, "AutoencoderKLQwenImage")
    ),
    call=qwen,
    sizes=SIZES,
    branches=BOTH,
)

HUNYUAN_IMAGE = PipelineEntry(
    class_name="HunyuanImagePipeline",
    components=parts("HunyuanImageTransformer2DModel"),
    call=lambda s: {
        **image_size(s),
        **states(s, 20),
        **masks(s, MASKS),
        **states(s, 16, EMBEDS_2, length=4),
        **masks(s, MASKS_2, length=4),
    },
    sizes={**SIZES, "height": 128, "width": 192},
    branches=("pred_cond",),
)

SD3 = PipelineEntry(
    class_name="StableDiffusion3Pipeline",
    components=parts("SD3Transformer2DModel", vae=lambda: autoencoder_kl(4)),
    call=lambda s: {**image_size(s), **states(s, 20), **pooled(s)},
    sizes={**SIZES, "height": 16, "width": 24},
    branches=ONE,
)

ENTRIES = (
    QWEN,
    QWEN.with_variant("no_guidance", call=lambda s: {"true_cfg_scale": 1.0}, branches=COND),
    replace(
        QWEN,
        variant="prompt",
        components=lambda: {**QWEN.components(), **qwen_vl()},
        call=lambda s: {**image_size(s), **prompts(s), "true_cfg_scale": 4.0},
    ),
    PipelineEntry(
        class_name="QwenImage21Pipeline",
        components=parts("QwenImage21Transformer2DModel", processor=Qwen3Processor),
        call=lambda s: {**qwen(s), "use_kv_cache": False},
        sizes={**SIZES, "width": 96},
        branches=BOTH,
        note="by default its first step fills a key-value cache, and belongs to no branch",
    ),
    PipelineEntry(
        class_name="NucleusMoEImagePipeline",
        components=parts(
            "NucleusMoEImageTransformer2DModel",
            vae=lambda: autoencoder_wan(2, "AutoencoderKLQwenImage"),
        ),
        call=lambda s: {**image_size(s), **states(s, 20), **masks(s, MASKS)},
        sizes=SIZES,
        branches=BOTH,
    ),
    SD3,
    PipelineEntry(
        class_name="HiDreamImagePipeline",
        components=parts("HiDreamImageTransformer2DModel"),
        call=hidream,
        sizes={**SIZES, "width": 64},
        branches=ONE,
        attributes={"default_sample_size": 8},  # every image is scaled to that many latents
    ),
    PipelineEntry(
        class_name="AuraFlowPipeline",
        components=parts("AuraFlowTransformer2DModel"),
        call=lambda s: {**image_size(s), **states(s, 20), **masks(s)},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="BriaPipeline",
        components=parts("BriaTransformer2DModel", vae=lambda: autoencoder_kl(2)),
        call=lambda s: {**image_size(s), **states(s, 24)},
        sizes={**SIZES, "height": 32, "width": 40},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="Krea2Pipeline",
        components=parts("Krea2Transformer2DModel", text_encoder_select_layers=lambda: (0, 1, 2)),
        call=lambda s: {
            **image_size(s),
            **{name: randn(s.batch, s.text, 3, 16) for name in EMBEDS},
            **masks(s, MASKS, dtype=torch.bool),
        },
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="CogView3PlusPipeline",
        components=parts(
            "CogView3PlusTransformer2DModel",
            scheduler=lambda: from_diffusers("CogVideoXDDIMScheduler"),
        ),
        call=lambda s: {**image_size(s), **states(s, 20)},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="CogView4Pipeline",
        components=parts("CogView4Transformer2DModel"),
        call=lambda s: {**image_size(s), **states(s, 20)},
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="GlmImagePipeline",
        components=parts("GlmImageTransformer2DModel", vae=lambda: autoencoder_kl(4)),
        call=lambda s: {
            **image_size(s),
            **states(s, 20),
            "prior_token_ids": ints(64, s.batch, s.height * s.width // 16),
        },
        sizes={**SIZES, "height": 32, "width": 32},
        branches=BOTH,
    ),
    HUNYUAN_IMAGE,
    HUNYUAN_IMAGE.with_variant(
        "guider",
        components=parts(
            "HunyuanImageTransformer2DModel",
            guider=lambda: from_diffusers("AdaptiveProjectedMixGuidance"),
        ),
        branches=("pred_cond", "pred_uncond"),
    ),
)
