"""Text to image with joint attention: Qwen-Image, SD3, HiDream, AuraFlow, Bria, Z-Image, ..."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_kl,
    autoencoder_wan,
    diffusers,
    flow_match,
    transformer,
)
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.text import tokenizer
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import ints, randn

SIZES = {"batch": 1, "height": 64, "width": 80, "text": 7}
COND, BOTH = ("cond",), ("cond", "uncond")
ONE = ("",)


def size(s: SimpleNamespace) -> Arguments:
    return {"height": s.height, "width": s.width}


def texts(s: SimpleNamespace, width: int, *names: str) -> Arguments:
    """Text states of the prompt and the negative one."""
    return {name: randn(s.batch, s.text, width) for name in names or EMBEDS}


EMBEDS = ("prompt_embeds", "negative_prompt_embeds")
MASKS = ("prompt_embeds_mask", "negative_prompt_embeds_mask")
ATTENTION_MASKS = ("prompt_attention_mask", "negative_prompt_attention_mask")


class Processor:
    """In place of Qwen3-VL's: the pipeline asks it for two numbers, though no text is encoded."""

    def __init__(self) -> None:
        self.tokenizer = tokenizer()

    def apply_chat_template(self, *args: Any, **kwargs: Any) -> list[list[int]]:
        return [[0]]


def picture(s: SimpleNamespace) -> torch.Tensor:
    """A picture of a gradient: [batch, 3, height, width], 0 to 1."""
    rows = torch.linspace(0, 1, s.height)[:, None].expand(s.height, s.width)
    return rows.expand(s.batch, 3, -1, -1).clone()


def masks(s: SimpleNamespace, *names: str) -> Arguments:
    return {name: torch.ones(s.batch, s.text, dtype=torch.int64) for name in names}


QWEN = PipelineEntry(
    class_name="QwenImagePipeline",
    components=lambda: {
        "transformer": transformer("QwenImageTransformer2DModel"),
        "vae": autoencoder_wan(2, "AutoencoderKLQwenImage"),
        "scheduler": flow_match(),
    },
    call=lambda s: {**size(s), **texts(s, 20), **masks(s, *MASKS), "true_cfg_scale": 4.0},
    sizes=SIZES,
    branches=BOTH,
)

SD3 = PipelineEntry(
    class_name="StableDiffusion3Pipeline",
    components=lambda: {
        "transformer": transformer("SD3Transformer2DModel"),
        "vae": autoencoder_kl(4),
        "scheduler": flow_match(),
    },
    call=lambda s: {
        **size(s),
        **texts(s, 20),
        "pooled_prompt_embeds": randn(s.batch, 12),
        "negative_pooled_prompt_embeds": randn(s.batch, 12),
    },
    sizes={**SIZES, "height": 16, "width": 20},
    branches=ONE,
)

Z_IMAGE = PipelineEntry(
    class_name="ZImagePipeline",
    components=lambda: {"transformer": transformer("ZImageTransformer2DModel"), "scheduler": flow_match()},
    call=lambda s: {
        **size(s),
        **{name: [randn(s.text, 20) for _ in range(s.batch)] for name in EMBEDS},
    },
    sizes=SIZES,
    branches=ONE,
)

ENTRIES = (
    QWEN,
    QWEN.with_variant("no_guidance", call=lambda s: {"true_cfg_scale": 1.0}, branches=COND),
    SD3,
    PipelineEntry(
        class_name="HiDreamImagePipeline",
        components=lambda: {"transformer": transformer("HiDreamImageTransformer2DModel"), "scheduler": flow_match()},
        call=lambda s: {
            **size(s),
            **texts(s, 20, "prompt_embeds_t5", "negative_prompt_embeds_t5"),
            **{
                name: randn(10, s.batch, s.text, 16)
                for name in ("prompt_embeds_llama3", "negative_prompt_embeds_llama3")
            },
            "pooled_prompt_embeds": randn(s.batch, 12),
            "negative_pooled_prompt_embeds": randn(s.batch, 12),
        },
        sizes={**SIZES, "width": 64},
        attributes={"default_sample_size": 8},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="AuraFlowPipeline",
        components=lambda: {"transformer": transformer("AuraFlowTransformer2DModel"), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS)},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="BriaPipeline",
        components=lambda: {
            "transformer": transformer("BriaTransformer2DModel"),
            "vae": autoencoder_kl(2),
            "scheduler": flow_match(),
        },
        call=lambda s: {**size(s), **texts(s, 24)},
        sizes={**SIZES, "height": 32, "width": 40},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="PRXPipeline",
        components=lambda: {"transformer": transformer("PRXTransformer2DModel"), "vae": autoencoder_kl(4), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS), "use_resolution_binning": False},
        sizes={**SIZES, "height": 16, "width": 32},
        branches=ONE,
    ),
    Z_IMAGE,
    Z_IMAGE.with_variant("no_guidance", call=lambda s: {"guidance_scale": 0.0}),
    PipelineEntry(
        class_name="ErnieImagePipeline",
        components=lambda: {"transformer": transformer("ErnieImageTransformer2DModel"), "scheduler": flow_match()},
        call=lambda s: {
            **size(s),
            **{name: [randn(s.text, 20) for _ in range(s.batch)] for name in EMBEDS},
            "negative_prompt": None,
            "use_pe": False,
        },
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="Krea2Pipeline",
        components=lambda: {"transformer": transformer("Krea2Transformer2DModel"), "scheduler": flow_match(),
            "text_encoder_select_layers": (0, 1, 2)},
        call=lambda s: {
            **size(s),
            **{name: randn(s.batch, s.text, 3, 16) for name in EMBEDS},
            **{name: torch.ones(s.batch, s.text, dtype=torch.bool) for name in MASKS},
        },
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="CogView3PlusPipeline",
        components=lambda: {"transformer": transformer("CogView3PlusTransformer2DModel"), "scheduler": diffusers("CogVideoXDDIMScheduler")},
        call=lambda s: {**size(s), **texts(s, 20)},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="CogView4Pipeline",
        components=lambda: {"transformer": transformer("CogView4Transformer2DModel"), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20)},
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="HunyuanImagePipeline",
        components=lambda: {"transformer": transformer("HunyuanImageTransformer2DModel"), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *MASKS),
          **{n: randn(s.batch, 4, 16) for n in ("prompt_embeds_2", "negative_prompt_embeds_2")},
          **{n: torch.ones(s.batch, 4, dtype=torch.int64) for n in ("prompt_embeds_mask_2", "negative_prompt_embeds_mask_2")},
          },
        sizes={**SIZES, "height": 128, "width": 192},
        branches=("pred_cond",),
    ),
    PipelineEntry(
        class_name="QwenImage21Pipeline",
        components=lambda: {
            "transformer": transformer("QwenImage21Transformer2DModel"),
            "processor": Processor(),
            "scheduler": flow_match(),
        },
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *MASKS), "true_cfg_scale": 4.0, "use_kv_cache": False},
        sizes={**SIZES, "height": 64, "width": 96},
        branches=BOTH,
        note="by default its first step fills a key-value cache, which belongs to no branch",
    ),
    PipelineEntry(
        class_name="QwenImageControlNetPipeline",
        components=lambda: {
            **QWEN.components(),
            "controlnet": diffusers("QwenImageControlNetModel", in_channels=8, num_layers=2, attention_head_dim=16, num_attention_heads=4, joint_attention_dim=20, axes_dims_rope=(4, 6, 6)),
        },
        call=lambda s: {**QWEN.call(s), "control_image": picture(s)},
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="NucleusMoEImagePipeline",
        components=lambda: {
            "transformer": transformer("NucleusMoEImageTransformer2DModel"),
            "vae": autoencoder_wan(2, "AutoencoderKLQwenImage"),
            "scheduler": flow_match(),
        },
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *MASKS)},
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="GlmImagePipeline",
        components=lambda: {
            "transformer": transformer("GlmImageTransformer2DModel"),
            "vae": autoencoder_kl(4),
            "scheduler": flow_match(),
        },
        call=lambda s: {**size(s), **texts(s, 20), "prior_token_ids": ints(64, s.batch, s.height * s.width // 16)},
        sizes={**SIZES, "height": 32, "width": 32},
        branches=BOTH,
    ),
)
