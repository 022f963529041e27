"""Music and speech: one-dimensional latents."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import joined, latent, mask, randn, rotary, timestep

BLOCKS = ("transformer_blocks",)
STABLE_AUDIO_3: dict[str, Any] = {
    "io_channels": 8,
    "embed_dim": 32,
    "depth": 6,
    "num_heads": 4,
    "cond_token_dim": 20,
    "global_cond_dim": 12,
    "local_add_cond_dim": 5,
    "timestep_features_dim": 16,
    "ff_mult": 2.0,
    "num_memory_tokens": 3,
}


def ace_step(s: SimpleNamespace) -> Arguments:
    """Both times are equal in pipelines; the context is the source's latents and mask."""
    return {
        "hidden_states": latent(s.batch, 2 * s.length, 8),
        "timestep": timestep(s.batch, start=0.9),
        "timestep_r": timestep(s.batch, start=0.9),
        "encoder_hidden_states": randn(s.batch, s.text, 32),
        "context_latents": randn(s.batch, 2 * s.length, 16),
    }


def stable_audio(s: SimpleNamespace) -> Arguments:
    """Seconds are a token in front of the sequence: rotary tables are one longer."""
    return {
        "hidden_states": latent(s.batch, 4, s.length),
        "timestep": timestep(1),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "global_hidden_states": randn(s.batch, 1, 12),
        "rotary_embedding": rotary(s.length + 1, 4, interleaved=False),
    }


def stable_audio_3(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 8, s.length),
        "timestep": timestep(s.batch, start=0.9),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "global_hidden_states": randn(s.batch, 12),
        "encoder_attention_mask": mask(s.batch, s.text, dtype=torch.int64),
    }


def longcat_audio(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, s.length, 8),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "encoder_attention_mask": mask(s.batch, s.text),
        "timestep": timestep(s.batch, start=0.9, rising=True),
        "attention_mask": mask(s.batch, s.length, padding=3),
        "latent_cond": randn(s.batch, s.length, 8),
    }


def spectrogram(s: SimpleNamespace) -> Arguments:
    """Notes, and the mel spectrogram before: each with its mask."""
    lengths = (s.text, 16)
    return {
        "encodings_and_masks": [
            (randn(s.batch, length, 32), mask(s.batch, length, dtype=None)) for length in lengths
        ],
        "decoder_input_tokens": latent(s.batch, 16, 8),
        "decoder_noise_time": timestep(s.batch, start=0.9),
    }


STABLE_3 = Entry(
    class_name="StableAudio3DiTModel",
    config=STABLE_AUDIO_3,
    sizes={"batch": 2, "length": 12, "text": 5},
    call=stable_audio_3,
    blocks=BLOCKS,
    tags={"mask"},
    note="memory tokens lead the sequence; differential attention",
)

ENTRIES = (
    Entry(
        class_name="AceStepTransformer1DModel",
        config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "in_channels": 24,
            "audio_acoustic_hidden_dim": 8,
            "sliding_window": 3,
        },
        sizes={"batch": 2, "length": 8, "text": 5},
        call=ace_step,
        blocks=("layers",),
        tags={"mask"},
        note="every other block attends within a window; forward reads "
        "layers[0].self_attn.processor",
    ),
    Entry(
        class_name="StableAudioDiTModel",
        config={
            "sample_size": 12,
            "in_channels": 4,
            "out_channels": 4,
            "num_layers": 6,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "num_key_value_attention_heads": 2,
            "cross_attention_dim": 16,
            "time_proj_dim": 16,
            "global_states_input_dim": 12,
            "cross_attention_input_dim": 20,
        },
        sizes={"batch": 2, "length": 12, "text": 5},
        call=stable_audio,
        blocks=BLOCKS,
        note="one time for the whole batch; the head size is halved for rotary positions",
    ),
    STABLE_3,
    STABLE_3.with_variant(
        "inpaint",
        tags={"mask", "reference"},
        call=lambda s: {
            "local_add_cond": joined(1, randn(s.batch, 4, s.length), randn(s.batch, 1, s.length)),
        },
    ),
    Entry(
        class_name="LongCatAudioDiTTransformer",
        config={
            "dit_dim": 32,
            "dit_depth": 6,
            "dit_heads": 4,
            "dit_text_dim": 20,
            "latent_dim": 8,
            "ff_mult": 2.0,
        },
        sizes={"batch": 2, "length": 12, "text": 7},
        call=longcat_audio,
        blocks=("blocks",),
        tags={"mask"},
        note="the input of the blocks is added to their output (long_skip)",
    ),
    Entry(
        class_name="MiniMaxMusic3Transformer1DModel",
        config={
            "in_channels": 8,
            "condition_dim": 16,
            "num_layers": 6,
            "num_attention_heads": 4,
            "attention_head_dim": 8,
            "ff_inner_dim": 48,
            "rotary_dim": 4,
            "fourier_embedding_dim": 16,
        },
        sizes={"batch": 2, "length": 12},
        call=lambda s: {
            "hidden_states": latent(s.batch, 8, s.length),
            "timestep": timestep(s.batch, start=0.9, rising=True),
            "encoder_hidden_states": randn(s.batch, s.length, 16),
        },
        blocks=BLOCKS,
        note="the condition has the latents' length; the time is a token in front of the sequence",
    ),
    Entry(
        class_name="T5FilmDecoder",
        config={
            "input_dims": 8,
            "targets_length": 16,
            "d_model": 32,
            "num_layers": 6,
            "num_heads": 4,
            "d_kv": 8,
            "d_ff": 48,
        },
        sizes={"batch": 2, "text": 6},
        call=spectrogram,
        blocks=("decoders",),
        tags={"mask", "lists"},
        note="blocks give a tuple of one tensor; legacy (spectrogram diffusion)",
    ),
)
