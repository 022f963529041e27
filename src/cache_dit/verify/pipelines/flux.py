"""FLUX.1 and what is built like it: FLUX.2, Chroma, Ovis-Image."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_flux2,
    autoencoder_kl,
    parts,
    picture,
    transformer,
)
from cache_dit.verify.pipelines.encoders import clip_and_t5
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.texts import (
    EMBEDS,
    POOLED,
    image_size,
    masks,
    pooled,
    prompts,
    states,
)
from cache_dit.verify.zoo.entry import Arguments

SIZES = {"batch": 1, "height": 16, "width": 20, "text": 7}
COND, BOTH = ("cond",), ("cond", "uncond")


def flux(s: SimpleNamespace) -> Arguments:
    return {**image_size(s), **states(s, 24, EMBEDS[:1]), **pooled(s, names=POOLED[:1])}


FLUX = PipelineEntry(
    class_name="FluxPipeline",
    components=parts("FluxTransformer2DModel", vae=lambda: autoencoder_kl(2)),
    call=flux,
    sizes=SIZES,
    branches=COND,
)

CHROMA = PipelineEntry(
    class_name="ChromaPipeline",
    components=parts("ChromaTransformer2DModel", vae=lambda: autoencoder_kl(2)),
    call=lambda s: {**image_size(s), **states(s, 24), **masks(s, dtype=torch.float32)},
    sizes=SIZES,
    branches=BOTH,
    note="no cache_context: the branches are told apart by their order",
)

KLEIN = PipelineEntry(
    class_name="Flux2KleinPipeline",
    components=parts(
        "Flux2Transformer2DModel",
        transformer=lambda: transformer("Flux2Transformer2DModel", guidance_embeds=False),
        vae=lambda: autoencoder_flux2(2),
    ),
    call=lambda s: {**image_size(s), **states(s, 24)},
    sizes=SIZES,
    branches=BOTH,
)

FLUX_PROMPT = replace(
    FLUX,
    variant="prompt",
    components=lambda: {**FLUX.components(), **clip_and_t5()},
    call=lambda s: {
        **image_size(s),
        **prompts(s, negative=False),
        "max_sequence_length": s.text,
    },
    note="with text encoders and tokenizers, so that users' whole code can be run on it",
)

ENTRIES = (
    FLUX,
    FLUX.with_variant(
        "true_cfg",
        call=lambda s: {**states(s, 24), **pooled(s), "true_cfg_scale": 3.0},
        branches=BOTH,
    ),
    FLUX_PROMPT,
    PipelineEntry(
        class_name="FluxImg2ImgPipeline",
        components=FLUX.components,
        call=lambda s: {**flux(s), "image": picture(s), "strength": 1.0},
        sizes=SIZES,
        branches=COND,
    ),
    CHROMA,
    CHROMA.with_variant("no_guidance", call=lambda s: {"guidance_scale": 1.0}, branches=COND),
    PipelineEntry(
        class_name="Flux2Pipeline",
        components=parts("Flux2Transformer2DModel", vae=lambda: autoencoder_flux2(2)),
        call=lambda s: {**image_size(s), **states(s, 24, EMBEDS[:1])},
        sizes=SIZES,
        branches=COND,
    ),
    KLEIN,
    KLEIN.with_variant("no_guidance", call=lambda s: {"guidance_scale": 1.0}, branches=COND),
    PipelineEntry(
        class_name="OvisImagePipeline",
        components=parts("OvisImageTransformer2DModel", vae=lambda: autoencoder_kl(2)),
        call=lambda s: {**image_size(s), **states(s, 24), "negative_prompt": None},
        sizes=SIZES,
        branches=BOTH,
    ),
)
