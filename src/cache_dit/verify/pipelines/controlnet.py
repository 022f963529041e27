"""Pipelines in which a ControlNet, an image or perturbed attention acts between the blocks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from cache_dit.verify.pipelines.components import (
    autoencoder_kl,
    from_diffusers,
    picture,
    transformer,
)
from cache_dit.verify.pipelines.cross_attention import HUNYUAN_DIT
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.flux import FLUX, FLUX_PROMPT
from cache_dit.verify.pipelines.image import QWEN, SD3
from cache_dit.verify.pipelines.video import WAN
from cache_dit.verify.zoo.entry import Arguments

FLUX_LIKE = {
    "in_channels": 8,
    "attention_head_dim": 16,
    "num_attention_heads": 4,
    "axes_dims_rope": (4, 6, 6),
}
FLUX_NET = {
    **FLUX_LIKE,
    "num_layers": 2,
    "num_single_layers": 3,
    "joint_attention_dim": 24,
    "pooled_projection_dim": 12,
    "guidance_embeds": True,
}
SD3_LIKE = {
    "sample_size": 8,
    "in_channels": 4,
    "out_channels": 4,
    "attention_head_dim": 8,
    "num_attention_heads": 4,
    "joint_attention_dim": 20,
    "caption_projection_dim": 32,
    "pooled_projection_dim": 12,
    "pos_embed_max_size": 16,
}
HUNYUAN_LIKE = {
    "transformer_num_layers": 8,
    "in_channels": 4,
    "num_attention_heads": 4,
    "attention_head_dim": 8,
    "hidden_size": 32,
    "sample_size": 8,
    "patch_size": 2,
    "cross_attention_dim": 24,
    "cross_attention_dim_t5": 24,
    "pooled_projection_dim": 12,
    "text_len": 5,
    "text_len_t5": 7,
}


def controlled(
    name: str, base: PipelineEntry, controlnet: str, config: dict[str, Any], **others: Any
) -> PipelineEntry:
    """The pipeline ``name``: that of ``base``, and a ControlNet that sees a picture."""

    def components() -> dict[str, Any]:
        made = {key: make() for key, make in others.items()}
        return {**base.components(), "controlnet": from_diffusers(controlnet, config), **made}

    def call(s: SimpleNamespace) -> Arguments:
        return {**base.call(s), "control_image": picture(s)}

    return PipelineEntry(
        class_name=name,
        components=components,
        call=call,
        sizes=base.sizes,
        branches=base.branches,
    )


ENTRIES = (
    controlled("FluxControlNetPipeline", FLUX, "FluxControlNetModel", FLUX_NET),
    replace(
        controlled("FluxControlNetPipeline", FLUX_PROMPT, "FluxControlNetModel", FLUX_NET),
        variant="prompt",
    ),
    controlled(
        "QwenImageControlNetPipeline",
        QWEN,
        "QwenImageControlNetModel",
        {**FLUX_LIKE, "num_layers": 2, "joint_attention_dim": 20},
    ),
    controlled(
        "StableDiffusion3ControlNetPipeline",
        SD3,
        "SD3ControlNetModel",
        {**SD3_LIKE, "num_layers": 3},
    ),
    controlled(
        "HunyuanDiTControlNetPipeline",
        HUNYUAN_DIT,
        "HunyuanDiT2DControlNetModel",
        HUNYUAN_LIKE,
        vae=lambda: autoencoder_kl(4, halvings=3),
    ),
    PipelineEntry(
        class_name="HunyuanDiTPAGPipeline",
        components=lambda: {
            **HUNYUAN_DIT.components(),
            "pag_applied_layers": ["blocks.1", "blocks.4"],
        },
        call=HUNYUAN_DIT.call,
        sizes=HUNYUAN_DIT.sizes,
        branches=HUNYUAN_DIT.branches,
        note="perturbed attention: a third sample in the batch goes through other processors",
    ),
    PipelineEntry(
        class_name="WanImageToVideoPipeline",
        components=lambda: {
            **WAN.components(),
            "transformer": transformer("WanTransformer3DModel", in_channels=12),
        },
        call=lambda s: {**WAN.call(s), "image": picture(s)},
        sizes=WAN.sizes,
        branches=WAN.branches,
    ),
)
