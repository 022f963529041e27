"""Videos made piece by piece, or frame by frame at different times: several loops in one call."""

from __future__ import annotations

from typing import Any

from cache_dit.verify.pipelines.components import (
    autoencoder_wan,
    from_diffusers,
    parts,
    picture,
    unipc,
)
from cache_dit.verify.pipelines.encoders import siglip
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import BOTH, COND
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
)
