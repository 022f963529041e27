"""FLUX.1 and what is built like it: FLUX.2, Chroma, Ovis-Image."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_kl,
    diffusers,
    flow_match,
    transformer,
)
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.text import clip_and_t5
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import randn

SIZES = {"batch": 1, "height": 16, "width": 20, "text": 7}
COND, BOTH = ("cond",), ("cond", "uncond")


def text(s: SimpleNamespace) -> Arguments:
    return {"height": s.height, "width": s.width, "prompt_embeds": randn(s.batch, s.text, 24)}


def negative(s: SimpleNamespace) -> Arguments:
    return {"negative_prompt_embeds": randn(s.batch, s.text, 24)}


def flux(s: SimpleNamespace) -> Arguments:
    return {**text(s), "pooled_prompt_embeds": randn(s.batch, 12)}


def true_cfg(s: SimpleNamespace) -> Arguments:
    return {
        **negative(s),
        "negative_pooled_prompt_embeds": randn(s.batch, 12),
        "true_cfg_scale": 3.0,
    }


def image(s: SimpleNamespace) -> torch.Tensor:
    """A picture of a gradient: [batch, 3, height, width], 0 to 1."""
    rows = torch.linspace(0, 1, s.height)[:, None].expand(s.height, s.width)
    return rows.expand(s.batch, 3, -1, -1).clone()


FLUX = PipelineEntry(
    class_name="FluxPipeline",
    components=lambda: {
        "transformer": transformer("FluxTransformer2DModel"),
        "vae": autoencoder_kl(2),
        "scheduler": flow_match(),
    },
    call=flux,
    sizes=SIZES,
    branches=COND,
)

CHROMA = PipelineEntry(
    class_name="ChromaPipeline",
    components=lambda: {
        "transformer": transformer("ChromaTransformer2DModel"),
        "vae": autoencoder_kl(2),
        "scheduler": flow_match(),
    },
    call=lambda s: {
        **text(s),
        **negative(s),
        "prompt_attention_mask": torch.ones(s.batch, s.text),
        "negative_prompt_attention_mask": torch.ones(s.batch, s.text),
    },
    sizes=SIZES,
    branches=BOTH,
    note="no cache_context: the branches are told apart by their order",
)

KLEIN = PipelineEntry(
    class_name="Flux2KleinPipeline",
    components=lambda: {
        "transformer": transformer("Flux2Transformer2DModel", guidance_embeds=False),
        "vae": autoencoder_kl(2, "AutoencoderKLFlux2"),
        "scheduler": flow_match(),
    },
    call=lambda s: {**text(s), **negative(s)},
    sizes=SIZES,
    branches=BOTH,
)

ENTRIES = (
    FLUX,
    FLUX.with_variant("true_cfg", call=true_cfg, branches=BOTH),
    replace(
        FLUX,
        variant="prompt",
        components=lambda: {**FLUX.components(), **clip_and_t5()},
        call=lambda s: {
            "prompt": ["a red cat", "the small dog on a boat", "sky"][: s.batch],
            "height": s.height,
            "width": s.width,
            "max_sequence_length": s.text,
        },
        note="with text encoders and tokenizers, and so whatever users do with a whole pipeline",
    ),
    PipelineEntry(
        class_name="FluxImg2ImgPipeline",
        components=FLUX.components,
        call=lambda s: {**flux(s), "image": image(s), "strength": 1.0},
        sizes=SIZES,
        branches=COND,
    ),
    PipelineEntry(
        class_name="FluxControlNetPipeline",
        components=lambda: {
            **FLUX.components(),
            "controlnet": diffusers(
                "FluxControlNetModel",
                in_channels=8,
                num_layers=2,
                num_single_layers=3,
                attention_head_dim=16,
                num_attention_heads=4,
                joint_attention_dim=24,
                pooled_projection_dim=12,
                guidance_embeds=True,
                axes_dims_rope=(4, 6, 6),
            ),
        },
        call=lambda s: {**flux(s), "control_image": image(s), "controlnet_conditioning_scale": 0.8},
        sizes=SIZES,
        branches=COND,
    ),
    CHROMA,
    CHROMA.with_variant("no_guidance", call=lambda s: {"guidance_scale": 1.0}, branches=COND),
    PipelineEntry(
        class_name="Flux2Pipeline",
        components=lambda: {
            "transformer": transformer("Flux2Transformer2DModel"),
            "vae": autoencoder_kl(2, "AutoencoderKLFlux2"),
            "scheduler": flow_match(),
        },
        call=text,
        sizes=SIZES,
        branches=COND,
    ),
    KLEIN,
    KLEIN.with_variant("no_guidance", call=lambda s: {"guidance_scale": 1.0}, branches=COND),
    PipelineEntry(
        class_name="OvisImagePipeline",
        components=lambda: {
            "transformer": transformer("OvisImageTransformer2DModel"),
            "vae": autoencoder_kl(2),
            "scheduler": flow_match(),
        },
        call=lambda s: {**text(s), **negative(s), "negative_prompt": None},
        sizes=SIZES,
        branches=BOTH,
    ),
)
