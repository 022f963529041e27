"""LTX-Video, and LTX-2 with a video and an audio stream."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import latent, mask, randn, timestep

WHOLE = torch.int64
BLOCKS = ("transformer_blocks",)
SIZES = {"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7}


def ltx(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, s.frames * s.height * s.width, 4),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": timestep(s.batch),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
        "num_frames": s.frames,
        "height": s.height,
        "width": s.width,
    }


def ltx2(s: SimpleNamespace) -> Arguments:
    return {
        **ltx(s),
        "audio_hidden_states": latent(s.batch, s.audio, 4),
        "audio_encoder_hidden_states": randn(s.batch, s.text, 20),
        "audio_encoder_attention_mask": mask(s.batch, s.text, dtype=WHOLE),
        "sigma": timestep(s.batch),
        "fps": 24.0,
        "audio_num_frames": s.audio,
    }


LTX = Entry(
    class_name="LTXVideoTransformer3DModel",
    config={
        "in_channels": 4,
        "out_channels": 4,
        "num_attention_heads": 4,
        "attention_head_dim": 8,
        "cross_attention_dim": 32,
        "num_layers": 6,
        "caption_channels": 20,
    },
    sizes=SIZES,
    call=ltx,
    blocks=BLOCKS,
    tags={"mask"},
)

LTX2 = Entry(
    class_name="LTX2VideoTransformer3DModel",
    config={
        **LTX.config,
        "audio_in_channels": 4,
        "audio_out_channels": 4,
        "audio_num_attention_heads": 4,
        "audio_attention_head_dim": 4,
        "audio_cross_attention_dim": 16,
    },
    sizes={**SIZES, "audio": 5},
    call=ltx2,
    blocks=BLOCKS,
    tags={"mask", "audio"},
    note="a block takes and gives (video, audio); both are denoised",
)

ENTRIES = (
    LTX,
    LTX.with_variant(
        "time_per_token",
        call=lambda s: {
            "timestep": timestep(
                s.batch,
                s.frames * s.height * s.width,
                clean=s.height * s.width,
                dtype=torch.float32,
            ),
        },
        note="image-to-video: every token has its own time, and the first frame is clean",
    ),
    LTX2,
    LTX2.with_variant(
        "2.3",
        config={
            "gated_attn": True,
            "cross_attn_mod": True,
            "audio_gated_attn": True,
            "audio_cross_attn_mod": True,
            "rope_type": "split",
            "perturbed_attn": True,
        },
        call=lambda s: {"use_cross_timestep": True},
        note="gated attention, and text states modulated by sigma",
    ),
    LTX2.with_variant(
        "perturbed",
        config={"perturbed_attn": True},
        call=lambda s: {"spatio_temporal_guidance_blocks": [2, 3]},
        note="spatio-temporal guidance: blocks 2 and 3 run without self-attention, told by "
        "per-block arguments",
    ),
    LTX2.with_variant(
        "isolated",
        call=lambda s: {"isolate_modalities": True},
        note="modality guidance: video and audio do not attend to each other",
    ),
)
