"""Text to image with cross-attention or one sequence: DiT, PixArt, Sana, Lumina, Hunyuan-DiT."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from cache_dit.verify.pipelines.components import autoencoder_kl, diffusers, flow_match, transformer
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import ATTENTION_MASKS, BOTH, ONE, SIZES, masks, size, texts
from cache_dit.verify.zoo.spec import randn, ints

ENTRIES = (
    PipelineEntry(
        class_name="HunyuanDiTPipeline",
        components=lambda: {
            "transformer": transformer("HunyuanDiT2DModel"),
            "scheduler": diffusers("DDPMScheduler"),
            "requires_safety_checker": False,
        },
        call=lambda s: {
            **size(s),
            **{n: randn(s.batch, 5, 24) for n in ("prompt_embeds", "negative_prompt_embeds")},
            **{n: torch.ones(s.batch, 5, dtype=torch.int64) for n in ("prompt_attention_mask", "negative_prompt_attention_mask")},
            **{n: randn(s.batch, 7, 24) for n in ("prompt_embeds_2", "negative_prompt_embeds_2")},
            **{n: torch.ones(s.batch, 7, dtype=torch.int64) for n in ("prompt_attention_mask_2", "negative_prompt_attention_mask_2")},
            "use_resolution_binning": False,
        },
        sizes={"batch": 1, "height": 64, "width": 64},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="DiTPipeline",
        components=lambda: {
            "transformer": transformer("DiTTransformer2DModel", num_embeds_ada_norm=1000),
            "vae": autoencoder_kl(4),
            "scheduler": diffusers("DDIMScheduler"),
        },
        call=lambda s: {"class_labels": list(range(s.batch))},
        sizes={"batch": 1},
        branches=ONE,
        latent="np",
    ),
    PipelineEntry(
        class_name="PixArtSigmaPipeline",
        components=lambda: {
            "transformer": transformer("PixArtTransformer2DModel", use_additional_conditions=False),
            "vae": autoencoder_kl(4),
            "scheduler": diffusers("DPMSolverMultistepScheduler"),
        },
        call=lambda s: {
            **size(s),
            **texts(s, 20),
            **masks(s, *ATTENTION_MASKS),
            "negative_prompt": None,
            "use_resolution_binning": False,
        },
        sizes={**SIZES, "height": 16, "width": 24},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="SanaPipeline",
        components=lambda: {
            "transformer": transformer("SanaTransformer2DModel"),
            "scheduler": diffusers("DPMSolverMultistepScheduler", use_flow_sigmas=True, prediction_type="flow_prediction"),
        },
        call=lambda s: {
            **size(s),
            **texts(s, 20),
            **masks(s, *ATTENTION_MASKS),
            "negative_prompt": None,
            "use_resolution_binning": False,
        },
        sizes={**SIZES, "height": 128, "width": 160},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="LuminaPipeline",
        components=lambda: {"transformer": transformer("LuminaNextDiT2DModel"), "vae": autoencoder_kl(4), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS)},
        sizes={**SIZES, "height": 64, "width": 64},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="Lumina2Pipeline",
        components=lambda: {"transformer": transformer("Lumina2Transformer2DModel"), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS)},
        sizes=SIZES,
        branches=BOTH,
    ),
)
