"""Videos made piece by piece, or frame by frame at different times: several loops in one call."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.pipelines.components import (
    autoencoder_wan,
    from_diffusers,
    parts,
    picture,
    transformer,
    unipc,
)
from cache_dit.verify.pipelines.encoders import siglip
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import BOTH, COND, ONE
from cache_dit.verify.pipelines.texts import masks, pooled, states, video_size
from cache_dit.verify.pipelines.video import HUNYUAN

SKYREELS = PipelineEntry(
    class_name="SkyReelsV2DiffusionForcingPipeline",
    components=parts("SkyReelsV2Transformer3DModel", scheduler=unipc),
    call=lambda s: {**video_size(s), **states(s, 20), "prompt": None},
    sizes={"batch": 1, "frames": 5, "height": 48, "width": 64, "text": 7},
    branches=BOTH,
    note="its scheduler does not count: every frame has a copy of it",
)


def kandinsky_autoencoder() -> Any:
    """The autoencoder of Kandinsky 6 SR: 4 frames and 16 x 16 pixels to one."""
    config = {
        "latent_channels": 4,
        "encoder_block_out_channels": (8,) * 5,
        "decoder_block_out_channels": (8,) * 5,
        "layers_per_block": 1,
    }
    return from_diffusers("Kandinsky6SRVAE", config)


def hunyuan_autoencoder() -> Any:
    config = {
        "latent_channels": 4,
        "block_out_channels": (8,) * 4,
        "layers_per_block": 1,
        "norm_num_groups": 2,
    }
    return from_diffusers("AutoencoderKLHunyuanVideo", config)


def framepack() -> dict[str, Any]:
    make = parts("HunyuanVideoFramepackTransformer3DModel", vae=hunyuan_autoencoder)
    return {**make(), **siglip()}


FRAMEPACK = PipelineEntry(
    class_name="HunyuanVideoFramepackPipeline",
    components=framepack,
    call=lambda s: {**HUNYUAN.call(s), "image": picture(s), "latent_window_size": 2},
    sizes={"batch": 1, "frames": 10, "height": 64, "width": 64, "text": 7},
    branches=COND,
    sections=2,
)

ANYFLOW = PipelineEntry(
    class_name="AnyFlowFARPipeline",
    components=parts(
        "AnyFlowFARTransformer3DModel",
        transformer=lambda: transformer("AnyFlowFARTransformer3DModel", full_chunk_limit=2),
        scheduler=lambda: from_diffusers("FlowMapEulerDiscreteScheduler"),
    ),
    call=lambda s: {
        **video_size(s),
        **states(s, 20),
        "chunk_partition": [s.frames // 4 + 1],
        "guidance_scale": 3.0,
    },
    sizes={"batch": 1, "frames": 5, "height": 64, "width": 64, "text": 7},
    branches=ONE,
)

ENTRIES = (
    SKYREELS,
    SKYREELS.with_variant(
        "long",
        sizes={"frames": 13},
        call=lambda s: {"base_num_frames": 9, "overlap_history": 5},
        sections=2,
        note="the last frames of a piece begin the next one",
    ),
    PipelineEntry(
        class_name="HeliosPipeline",
        components=parts(
            "HeliosTransformer3DModel",
            vae=lambda: autoencoder_wan(4),
            scheduler=lambda: from_diffusers(
                "HeliosScheduler", {"stages": 1, "stage_range": [0, 1]}
            ),
        ),
        call=lambda s: {
            **video_size(s),
            **states(s, 20),
            "history_sizes": [4, 2, 1],
            "num_latent_frames_per_chunk": 2,
        },
        sizes={"batch": 1, "frames": 10, "height": 64, "width": 64, "text": 7},
        branches=BOTH,
        sections=2,
    ),
    FRAMEPACK,
    FRAMEPACK.with_variant(
        "true_cfg",
        call=lambda s: {**states(s, 20), **masks(s), **pooled(s), "true_cfg_scale": 3.0},
        branches=BOTH,
        note="no cache_context: the branches are told apart by their order",
    ),
    PipelineEntry(
        class_name="Kandinsky6SRPipeline",
        components=parts(
            "Kandinsky6SRTransformer3DModel",
            transformer=lambda: transformer(
                "Kandinsky6SRTransformer3DModel", tile_sizes=((128, 128),)
            ),
            vae=kandinsky_autoencoder,
        ),
        call=lambda s: {
            "video": picture(s)[:, None].expand(-1, s.frames, -1, -1, -1),
            "resolution_scale": 2,
        },
        sizes={"batch": 1, "frames": 1, "height": 64, "width": 96},
        branches=ONE,
        sections=2,
        output="pt",
        note="every tile of a video has a loop of its own",
    ),
    ANYFLOW,
    ANYFLOW.with_variant(
        "chunks",
        sizes={"frames": 9},
        call=lambda s: {"chunk_partition": [2, 1]},
        sections=2,
        between=1,
        note="between chunks, keys and values are written in a call of its own",
    ),
)
