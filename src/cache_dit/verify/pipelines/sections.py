"""Videos made piece by piece, or frame by frame at different times: several loops in one call."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_wan,
    diffusers,
    flow_match,
    transformer,
)
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.flux import image
from cache_dit.verify.pipelines.image import BOTH, COND, texts
from cache_dit.verify.pipelines.text import siglip
from cache_dit.verify.pipelines.video import size, unipc
from cache_dit.verify.zoo.spec import randn

SKYREELS = PipelineEntry(
    class_name="SkyReelsV2DiffusionForcingPipeline",
    components=lambda: {
        "transformer": transformer("SkyReelsV2Transformer3DModel"),
        "scheduler": unipc(),
    },
    call=lambda s: {**size(s), **texts(s, 20), "prompt": None},
    sizes={"batch": 1, "frames": 5, "height": 48, "width": 64, "text": 7},
    branches=BOTH,
)

ENTRIES = (
    SKYREELS,
    SKYREELS.with_variant(
        "long",
        sizes={"frames": 13},
        call=lambda s: {"base_num_frames": 9, "overlap_history": 5},
        sections=2,
        note="the frames of the first piece begin the second",
    ),
    PipelineEntry(
        class_name="HeliosPipeline",
        components=lambda: {
            "transformer": transformer("HeliosTransformer3DModel"),
            "vae": autoencoder_wan(4),
            "scheduler": diffusers("HeliosScheduler", stages=1, stage_range=[0, 1]),
        },
        call=lambda s: {
            **size(s),
            **texts(s, 20),
            "history_sizes": [4, 2, 1],
            "num_latent_frames_per_chunk": 2,
        },
        sizes={"batch": 1, "frames": 10, "height": 64, "width": 64, "text": 7},
        branches=BOTH,
        sections=2,
    ),
    PipelineEntry(
        class_name="HunyuanVideoFramepackPipeline",
        components=lambda: {
            "transformer": transformer("HunyuanVideoFramepackTransformer3DModel"),
            "vae": diffusers(
                "AutoencoderKLHunyuanVideo",
                latent_channels=4,
                block_out_channels=(8, 8, 8, 8),
                layers_per_block=1,
                norm_num_groups=2,
            ),
            **siglip(),
            "scheduler": flow_match(),
        },
        call=lambda s: {
            **size(s),
            "image": image(s),
            "latent_window_size": 2,
            "prompt_embeds": randn(s.batch, s.text, 20),
            "prompt_attention_mask": torch.ones(s.batch, s.text, dtype=torch.int64),
            "pooled_prompt_embeds": randn(s.batch, 12),
        },
        sizes={"batch": 1, "frames": 10, "height": 64, "width": 64, "text": 7},
        branches=COND,
        sections=2,
    ),
)
