"""Text to video: Wan, CogVideoX, LTX, Hunyuan-Video, Mochi, Allegro, Kandinsky, Cosmos, ..."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_wan,
    flow_match,
    from_diffusers,
    parts,
    transformer,
    unipc,
)
from cache_dit.verify.pipelines.encoders import umt5
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import BOTH, COND, ONE
from cache_dit.verify.pipelines.texts import (
    ATTENTION_MASKS,
    EMBEDS,
    EMBEDS_2,
    MASKS,
    MASKS_2,
    POOLED,
    image_size,
    masks,
    pooled,
    prompts,
    states,
    video_size,
)
from cache_dit.verify.zoo.entry import Arguments

SIZES = {"batch": 1, "frames": 5, "height": 48, "width": 64, "text": 7}
PICTURE = {"batch": 1, "height": 48, "width": 64, "text": 7}
JOINT = ("cond_uncond",)
GUIDED = ("pred_cond", "pred_uncond")


class Unguarded:
    """In place of the safety checker of Cosmos, a package of its own."""

    def to(self, device: torch.device) -> None:
        pass


def texts(s: SimpleNamespace) -> Arguments:
    return {**video_size(s), **states(s, 20)}


def masked(s: SimpleNamespace) -> Arguments:
    return {**texts(s), **masks(s)}


def kandinsky(s: SimpleNamespace) -> Arguments:
    return {
        **image_size(s),
        **states(s, 20, ("prompt_embeds_qwen", "negative_prompt_embeds_qwen")),
        **pooled(s, names=("prompt_embeds_clip", "negative_prompt_embeds_clip")),
        "prompt_cu_seqlens": torch.tensor([0, s.text]),
        "negative_prompt_cu_seqlens": torch.tensor([0, s.text]),
    }


WAN = PipelineEntry(
    class_name="WanPipeline",
    components=parts("WanTransformer3DModel", vae=lambda: autoencoder_wan(4), scheduler=unipc),
    call=texts,
    sizes=SIZES,
    branches=BOTH,
)

HUNYUAN = PipelineEntry(
    class_name="HunyuanVideoPipeline",
    components=parts("HunyuanVideoTransformer3DModel"),
    call=lambda s: {
        **video_size(s),
        **states(s, 20, EMBEDS[:1]),
        **masks(s, ATTENTION_MASKS[:1]),
        **pooled(s, names=POOLED[:1]),
    },
    sizes=SIZES,
    branches=COND,
)

ENTRIES = (
    WAN,
    WAN.with_variant("no_guidance", call=lambda s: {"guidance_scale": 1.0}, branches=COND),
    replace(
        WAN,
        variant="prompt",
        components=lambda: {**WAN.components(), **umt5()},
        call=lambda s: {**video_size(s), **prompts(s), "max_sequence_length": s.text},
    ),
    PipelineEntry(
        class_name="WanVACEPipeline",
        components=parts(
            "WanVACETransformer3DModel",
            transformer=lambda: transformer("WanVACETransformer3DModel", vace_in_channels=8 + 64),
            vae=lambda: autoencoder_wan(4),
            scheduler=unipc,
        ),
        call=texts,
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="SkyReelsV2Pipeline",
        components=parts("SkyReelsV2Transformer3DModel", scheduler=unipc),
        call=texts,
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="AnyFlowPipeline",
        components=parts(
            "AnyFlowTransformer3DModel",
            scheduler=lambda: from_diffusers("FlowMapEulerDiscreteScheduler"),
        ),
        call=lambda s: {**texts(s), "guidance_scale": 3.0},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="CogVideoXPipeline",
        components=parts(
            "CogVideoXTransformer3DModel",
            transformer=lambda: transformer("CogVideoXTransformer3DModel", attention_head_dim=16),
            scheduler=lambda: from_diffusers("CogVideoXDDIMScheduler"),
        ),
        call=texts,
        sizes=SIZES,
        branches=JOINT,
    ),
    PipelineEntry(
        class_name="LTXPipeline",
        components=parts("LTXVideoTransformer3DModel"),
        call=masked,
        sizes={**SIZES, "frames": 9, "height": 96, "width": 128},
        branches=JOINT,
    ),
    HUNYUAN,
    HUNYUAN.with_variant(
        "true_cfg",
        call=lambda s: {**states(s, 20), **masks(s), **pooled(s), "true_cfg_scale": 3.0},
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="HunyuanVideo15Pipeline",
        components=parts(
            "HunyuanVideo15Transformer3DModel",
            vae=lambda: from_diffusers(
                "AutoencoderKLHunyuanVideo15",
                {"latent_channels": 4, "block_out_channels": (8,) * 5, "layers_per_block": 1},
            ),
            guider=lambda: from_diffusers("ClassifierFreeGuidance"),
        ),
        call=lambda s: {
            **texts(s),
            **masks(s, MASKS),
            **states(s, 16, EMBEDS_2, length=4),
            **masks(s, MASKS_2, length=4),
        },
        sizes=SIZES,
        branches=GUIDED,
        attributes={"vision_num_semantic_tokens": 5},
    ),
    PipelineEntry(
        class_name="MotifVideoPipeline",
        components=parts(
            "MotifVideoTransformer3DModel",
            vae=lambda: autoencoder_wan(4),
            guider=lambda: from_diffusers("ClassifierFreeGuidance"),
        ),
        call=masked,
        sizes=SIZES,
        branches=GUIDED,
    ),
    PipelineEntry(
        class_name="MochiPipeline",
        components=parts(
            "MochiTransformer3DModel", scheduler=lambda: flow_match(invert_sigmas=True)
        ),
        call=lambda s: {**video_size(s), **states(s, 24), **masks(s, dtype=torch.bool)},
        sizes={**SIZES, "frames": 7},
        branches=JOINT,
    ),
    PipelineEntry(
        class_name="AllegroPipeline",
        components=parts(
            "AllegroTransformer3DModel",
            scheduler=lambda: from_diffusers("EulerAncestralDiscreteScheduler"),
        ),
        call=lambda s: {**masked(s), "negative_prompt": None},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="LattePipeline",
        components=parts(
            "LatteTransformer3DModel", scheduler=lambda: from_diffusers("DDIMScheduler")
        ),
        call=lambda s: {
            **image_size(s),
            **states(s, 20),
            "video_length": 3,
            "negative_prompt": None,
        },
        sizes=PICTURE,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="SanaVideoPipeline",
        components=parts("SanaVideoTransformer3DModel", scheduler=unipc),
        call=lambda s: {
            **image_size(s),
            **states(s, 20),
            **masks(s),
            "frames": s.frames,
            "negative_prompt": None,
            "use_resolution_binning": False,
        },
        sizes={**SIZES, "height": 64},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="Kandinsky5T2IPipeline",
        components=parts(
            "Kandinsky5Transformer3DModel",
            transformer=lambda: transformer("Kandinsky5Transformer3DModel", visual_cond=False),
        ),
        call=kandinsky,
        sizes=PICTURE,
        branches=BOTH,
        attributes={"resolutions": [(64, 48), (64, 96)]},
    ),
    PipelineEntry(
        class_name="Cosmos2TextToImagePipeline",
        components=parts(
            "CosmosTransformer3DModel",
            vae=lambda: autoencoder_wan(4),
            scheduler=lambda: flow_match(use_karras_sigmas=True),
            safety_checker=Unguarded,
        ),
        call=lambda s: {**image_size(s), **states(s, 20)},
        sizes=PICTURE,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="EasyAnimatePipeline",
        components=parts(
            "EasyAnimateTransformer3DModel",
            vae=lambda: from_diffusers(
                "AutoencoderKLMagvit",
                {
                    "latent_channels": 4,
                    "block_out_channels": [8] * 4,
                    "layers_per_block": 1,
                    "norm_num_groups": 2,
                },
            ),
        ),
        call=masked,
        sizes=SIZES,
        branches=ONE,
    ),
)
