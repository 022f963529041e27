"""Text to image with cross-attention, or with text and image in one sequence."""

from __future__ import annotations

from types import SimpleNamespace

from cache_dit.verify.pipelines.components import autoencoder_kl, from_diffusers, parts, transformer
from cache_dit.verify.pipelines.encoders import clip_projections
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import BOTH, ONE, SIZES
from cache_dit.verify.pipelines.texts import (
    ATTENTION_MASKS,
    ATTENTION_MASKS_2,
    EMBEDS,
    EMBEDS_2,
    image_size,
    masks,
    states,
)
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import randn


def hunyuan_dit(s: SimpleNamespace) -> Arguments:
    """The lengths of both texts are fixed."""
    return {
        **image_size(s),
        **states(s, 24, EMBEDS, length=5),
        **masks(s, ATTENTION_MASKS, length=5),
        **states(s, 24, EMBEDS_2, length=7),
        **masks(s, ATTENTION_MASKS_2, length=7),
        "use_resolution_binning": False,
    }


def masked(s: SimpleNamespace) -> Arguments:
    return {**image_size(s), **states(s, 20), **masks(s)}


def unbinned(s: SimpleNamespace) -> Arguments:
    return {**masked(s), "negative_prompt": None, "use_resolution_binning": False}


def as_list(s: SimpleNamespace) -> Arguments:
    """A list entry for every sample."""
    texts = {name: [randn(s.text, 20) for _ in range(s.batch)] for name in EMBEDS}
    return {**image_size(s), **texts}


HUNYUAN_DIT = PipelineEntry(
    class_name="HunyuanDiTPipeline",
    components=parts(
        "HunyuanDiT2DModel",
        scheduler=lambda: from_diffusers("DDPMScheduler"),
        requires_safety_checker=lambda: False,
    ),
    call=hunyuan_dit,
    sizes={"batch": 1, "height": 64, "width": 64},
    branches=ONE,
)

Z_IMAGE = PipelineEntry(
    class_name="ZImagePipeline",
    components=parts("ZImageTransformer2DModel"),
    call=as_list,
    sizes=SIZES,
    branches=ONE,
)

SANA = PipelineEntry(
    class_name="SanaPipeline",
    components=parts(
        "SanaTransformer2DModel",
        scheduler=lambda: from_diffusers(
            "DPMSolverMultistepScheduler",
            {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
        ),
    ),
    call=unbinned,
    sizes={**SIZES, "height": 128, "width": 160},
    branches=ONE,
)

ENTRIES = (
    HUNYUAN_DIT,
    PipelineEntry(
        class_name="DiTPipeline",
        components=parts(
            "DiTTransformer2DModel",
            transformer=lambda: transformer("DiTTransformer2DModel", num_embeds_ada_norm=1000),
            vae=lambda: autoencoder_kl(4),
            scheduler=lambda: from_diffusers("DDIMScheduler"),
        ),
        call=lambda s: {"class_labels": list(range(s.batch))},
        sizes={"batch": 1},
        branches=ONE,
        output="np",
    ),
    PipelineEntry(
        class_name="PixArtSigmaPipeline",
        components=parts(
            "PixArtTransformer2DModel",
            transformer=lambda: transformer(
                "PixArtTransformer2DModel", use_additional_conditions=False
            ),
            vae=lambda: autoencoder_kl(4),
            scheduler=lambda: from_diffusers("DPMSolverMultistepScheduler"),
        ),
        call=unbinned,
        sizes={**SIZES, "height": 16, "width": 24},
        branches=ONE,
    ),
    SANA,
    PipelineEntry(
        class_name="PRXPipeline",
        components=parts("PRXTransformer2DModel", vae=lambda: autoencoder_kl(4)),
        call=lambda s: {**masked(s), "use_resolution_binning": False},
        sizes={**SIZES, "height": 16, "width": 32},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="LuminaPipeline",
        components=parts("LuminaNextDiT2DModel", vae=lambda: autoencoder_kl(4)),
        call=masked,
        sizes={**SIZES, "width": 64},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="Lumina2Pipeline",
        components=parts("Lumina2Transformer2DModel"),
        call=masked,
        sizes=SIZES,
        branches=BOTH,
    ),
    Z_IMAGE,
    Z_IMAGE.with_variant("no_guidance", call=lambda s: {"guidance_scale": 0.0}),
    PipelineEntry(
        class_name="ErnieImagePipeline",
        components=parts("ErnieImageTransformer2DModel"),
        call=lambda s: {**as_list(s), "negative_prompt": None, "use_pe": False},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="KandinskyV22PriorPipeline",
        components=lambda: {
            "prior": transformer("PriorTransformer"),
            "scheduler": from_diffusers("UnCLIPScheduler", {"prediction_type": "sample"}),
            **clip_projections(24, length=7),
        },
        call=lambda s: {"prompt": ["a red cat"] * s.batch},
        sizes={"batch": 1},
        branches=ONE,
        output="pt",
        denoiser="prior",
        note="denoises what CLIP would see in a picture: one vector",
    ),
)
