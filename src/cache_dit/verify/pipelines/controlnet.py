"""Pipelines in which a ControlNet, an image or perturbed attention acts between the blocks."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from cache_dit.intercept import Call, intercept
from cache_dit.verify.controlnets.calls import resizing
from cache_dit.verify.controlnets.entries import (
    COSMOS_CONFIG,
    FLUX_CONFIG,
    HUNYUAN_CONFIG,
    QWEN_CONFIG,
    SANA_CONFIG,
    SD3_CONFIG,
    Z_IMAGE_CONFIG,
)
from cache_dit.verify.pipelines.components import (
    autoencoder_kl,
    autoencoder_wan,
    from_diffusers,
    parts,
    picture,
    pictures,
    transformer,
    unipc,
)
from cache_dit.verify.pipelines.cross_attention import HUNYUAN_DIT, SANA, Z_IMAGE
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.flux import FLUX, FLUX_PROMPT
from cache_dit.verify.pipelines.image import BOTH, COND, QWEN, SD3
from cache_dit.verify.pipelines.texts import image_size, seen, states
from cache_dit.verify.pipelines.video import WAN, Unguarded
from cache_dit.verify.zoo.entry import Arguments


def autoencoder_dc() -> Any:
    """The autoencoder of Sana; here it halves height and width five times."""
    widths, layers = (8,) * 6, (1,) * 6
    config = {
        "latent_channels": 4,
        "attention_head_dim": 4,
        "encoder_block_out_channels": widths,
        "decoder_block_out_channels": widths,
        "encoder_layers_per_block": layers,
        "decoder_layers_per_block": layers,
        "encoder_qkv_multiscales": ((),) * 6,
        "decoder_qkv_multiscales": ((),) * 6,
    }
    return from_diffusers("AutoencoderDC", config)


def cosmos_controlnet() -> Any:
    """The ControlNet of Cosmos; torchvision, which resizes a mask in it, need not be there."""

    def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        with resizing():
            return call(*args, **kwargs)

    net = from_diffusers("CosmosControlNetModel", COSMOS_CONFIG)
    intercept(net, __call__=around)
    return net


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
    controlled("FluxControlNetPipeline", FLUX, "FluxControlNetModel", FLUX_CONFIG),
    replace(
        controlled("FluxControlNetPipeline", FLUX_PROMPT, "FluxControlNetModel", FLUX_CONFIG),
        variant="prompt",
    ),
    controlled("QwenImageControlNetPipeline", QWEN, "QwenImageControlNetModel", QWEN_CONFIG),
    controlled("StableDiffusion3ControlNetPipeline", SD3, "SD3ControlNetModel", SD3_CONFIG),
    controlled(
        "HunyuanDiTControlNetPipeline",
        HUNYUAN_DIT,
        "HunyuanDiT2DControlNetModel",
        HUNYUAN_CONFIG,
        vae=lambda: autoencoder_kl(4, halvings=3),
    ),
    controlled(
        "ZImageControlNetPipeline",
        Z_IMAGE,
        "ZImageControlNetModel",
        Z_IMAGE_CONFIG,
        vae=lambda: autoencoder_kl(4, halvings=3),
    ),
    controlled(
        "SanaControlNetPipeline", SANA, "SanaControlNetModel", SANA_CONFIG, vae=autoencoder_dc
    ),
    PipelineEntry(
        class_name="Cosmos2_5_TransferPipeline",
        components=parts(
            "CosmosTransformer3DModel/controlnet",
            vae=lambda: autoencoder_wan(4),
            scheduler=unipc,
            controlnet=cosmos_controlnet,
            safety_checker=Unguarded,
        ),
        call=lambda s: {
            **image_size(s),
            **states(s, 24),
            "controls": pictures(s.frames, s.height, s.width),
            "num_frames_per_chunk": 5,
        },
        sizes={"batch": 1, "frames": 9, "height": 32, "width": 48, "text": 7},
        branches=BOTH,
        sections=2,
        note="no cache_context: the branches are told apart by their order; the last frame of a "
        "piece begins the next one",
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
    PipelineEntry(
        class_name="WanAnimatePipeline",
        components=parts(
            "WanAnimateTransformer3DModel", vae=lambda: autoencoder_wan(4), scheduler=unipc
        ),
        call=lambda s: {
            **image_size(s),
            **states(s, 20, length=512),
            "image": picture(s),
            "pose_video": pictures(s.frames, s.height, s.width),
            "face_video": pictures(s.frames, 16, 16),
            "segment_frame_length": 5,
        },
        sizes={"batch": 1, "frames": 9, "height": 32, "width": 48},
        branches=COND,
        sections=2,
        attributes={"encode_image": seen},
        note="features of a face are added between the blocks; every five frames have a loop",
    ),
)
