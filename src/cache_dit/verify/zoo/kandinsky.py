"""Kandinsky 5 and 6: text blocks, then visual blocks; 6 with audio and super-resolution."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import Spec, full, joined, latent, mask, randn, timestep

BLOCKS = ("visual_transformer_blocks",)
SIZES = {"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7}


def channels_last(s: SimpleNamespace) -> Spec:
    """Latents, an (empty) condition and its mask: [batch, frames, rows, columns, 9]."""
    size = (s.batch, s.frames, 2 * s.height, 2 * s.width)
    return joined(-1, latent(*size, 4), full(0.0, *size, 5))


def kandinsky5(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": channels_last(s),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": timestep(s.batch),
        "pooled_projections": randn(s.batch, 12),
        "visual_rope_pos": [torch.arange(n) for n in (s.frames, s.height, s.width)],
        "text_rope_pos": torch.arange(s.text),
    }


def kandinsky6(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": channels_last(s),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "pooled_projections": randn(s.batch, 12),
        "timestep": timestep(s.batch),
        "encoder_attention_mask": mask(s.batch, s.text),
    }


def tail_frame(s: SimpleNamespace) -> Arguments:
    """The image condition as one more frame, which stands at the first frame's position."""
    positions = [*range(s.frames - 1), 0]
    kinds = torch.zeros(s.batch, s.frames, dtype=torch.int64)
    kinds[:, -1] = 1
    return {
        "visual_rope_pos": (torch.tensor(positions), torch.arange(s.height), torch.arange(s.width)),
        "visual_token_type_ids": kinds,
    }


KANDINSKY6 = Entry(
    class_name="Kandinsky6Transformer3DModel",
    config={
        "in_visual_dim": 4,
        "out_visual_dim": 4,
        "in_text_dim": 20,
        "in_text_dim2": 12,
        "time_dim": 16,
        "model_dim": 48,
        "ff_dim": 64,
        "num_text_blocks": 1,
        "num_visual_blocks": 6,
        "axes_dims": (4, 4, 4),
        "in_audio_dim": 4,
        "out_audio_dim": 4,
    },
    sizes={**SIZES, "audio": 5},
    call=lambda s: {**kandinsky6(s), "audio_hidden_states": latent(s.batch, s.audio, 4)},
    blocks=BLOCKS,
    tags={"mask", "audio"},
    note="a block takes and gives (video, audio); audio may be None; two text streams are constant",
)

ENTRIES = (
    Entry(
        class_name="Kandinsky5Transformer3DModel",
        config={
            "in_visual_dim": 4,
            "out_visual_dim": 4,
            "in_text_dim": 20,
            "in_text_dim2": 12,
            "time_dim": 16,
            "model_dim": 48,
            "ff_dim": 64,
            "num_text_blocks": 1,
            "num_visual_blocks": 6,
            "axes_dims": (4, 4, 4),
            "visual_cond": True,
        },
        sizes=SIZES,
        call=kandinsky5,
        blocks=BLOCKS,
        casts=("time_embeddings.in_layer",),
        note="blocks call their first stream visual_embed",
    ),
    KANDINSKY6,
    replace(
        KANDINSKY6,
        variant="image_to_video",
        config={**KANDINSKY6.config, "visual_token_type_num_embeddings": 2},
        sizes={**SIZES, "frames": 3},
        call=lambda s: {**kandinsky6(s), **tail_frame(s)},
        tags={"mask", "reference"},
        note="without audio: the second stream of the blocks is None",
    ),
    Entry(
        class_name="Kandinsky6SRTransformer3DModel",
        config={
            "in_visual_dim": 4,
            "out_visual_dim": 4,
            "time_dim": 16,
            "patch_size": (1, 1, 1),
            "model_dim": 48,
            "ff_dim": 64,
            "num_visual_blocks": 4,
            "axes_dims": (4, 4, 4),
            "nabla_window": (3, 3, 3),
        },
        sizes={"batch": 2, "frames": 2, "height": 8, "width": 8},
        call=lambda s: {
            "hidden_states": joined(
                -1,
                latent(s.batch, s.frames, s.height, s.width, 4),
                full(0.0, s.batch, s.frames, s.height, s.width, 5),
            ),
            "timestep": timestep(s.batch),
        },
        blocks=BLOCKS,
        tags={"flex"},
        note="no text; sparse flex attention: height and width must be multiples of 8",
    ),
)
