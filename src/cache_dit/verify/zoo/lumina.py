"""Single-stream models over one sequence of text and image: Lumina 1 and 2, Z-Image, OmniGen."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import ints, latent, mask, randn, timestep

SIZES = {"batch": 2, "height": 4, "width": 5, "text": 7}
BLOCKS = ("layers",)


def lumina(s: SimpleNamespace) -> Arguments:
    """Time rises from 0 (noise) to 1 (image)."""
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch, start=0.9, rising=True),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
    }


def complex_rotary(height: int, width: int, dim: int) -> torch.Tensor:
    """Complex rotary factors of a grid, half of them for rows: [height, width, dim / 2]."""
    frequencies = 100.0 ** (-torch.arange(0, dim // 2, 2) / (dim // 2))
    rows, columns = (torch.outer(torch.arange(n).float(), frequencies) for n in (height, width))
    angles = torch.stack(torch.broadcast_tensors(rows[:, None], columns[None]), dim=-1).flatten(2)
    return torch.polar(torch.ones_like(angles), angles)


def z_image(s: SimpleNamespace) -> Arguments:
    """A list entry for every sample, with prompts of different length."""
    return {
        "x": [latent(4, 1, 2 * s.height, 2 * s.width) for _ in range(s.batch)],
        "t": timestep(s.batch, start=0.9, rising=True),
        "cap_feats": [randn(max(1, s.text - 2 * row), 20) for row in range(s.batch)],
    }


def z_image_residuals(s: SimpleNamespace) -> Arguments:
    """ControlNet residuals by block; image and text are each padded to a multiple of 32 tokens."""
    tokens = sum(-(-length // 32) * 32 for length in (s.height * s.width, s.text))
    return {"controlnet_block_samples": {block: randn(s.batch, tokens, 48) for block in (0, 2, 4)}}


def z_image_omni(s: SimpleNamespace) -> Arguments:
    """A reference image and the target, text around them, vision states of the reference."""
    target = (4, 1, 2 * s.height, 2 * s.width)
    return {
        "x": [[randn(4, 1, 4, 6), latent(*target)] for _ in range(s.batch)],
        "cap_feats": [[randn(3, 20), randn(s.text, 20), randn(2, 20)] for _ in range(s.batch)],
        "siglip_feats": [[randn(2, 2, 12), None] for _ in range(s.batch)],
        "image_noise_mask": [[0, 1]] * s.batch,
    }


def omnigen(s: SimpleNamespace) -> Arguments:
    """Words, among them a reference image (tokens 2 to 5), the time, then the image's tokens."""
    tokens = s.height * s.width
    length = s.text + 1 + tokens
    causal = torch.ones(length, length).tril()
    causal[s.text + 1 :] = 1.0
    causal[2:6, 2:6] = 1.0
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch, start=0.9, rising=True),
        "input_ids": ints(50, s.batch, s.text),
        "input_img_latents": [randn(1, 4, 4, 4) for _ in range(s.batch)],
        "input_image_sizes": {row: [[2, 6]] for row in range(s.batch)},
        "attention_mask": causal.expand(s.batch, -1, -1),
        "position_ids": torch.arange(length).expand(s.batch, -1),
    }


Z_IMAGE = Entry(
    class_name="ZImageTransformer2DModel",
    config={
        "in_channels": 4,
        "dim": 48,
        "n_layers": 6,
        "n_refiner_layers": 1,
        "n_heads": 4,
        "n_kv_heads": 4,
        "cap_feat_dim": 20,
        "axes_dims": [4, 4, 4],
        "axes_lens": [128, 32, 32],
    },
    sizes=SIZES,
    call=z_image,
    blocks=BLOCKS,
    tags={"lists"},
    note="image and text are each padded to a multiple of 32 tokens; image first",
)

ENTRIES = (
    Entry(
        class_name="LuminaNextDiT2DModel",
        config={
            "sample_size": 8,
            "in_channels": 4,
            "hidden_size": 32,
            "num_layers": 6,
            "num_attention_heads": 4,
            "num_kv_heads": 2,
            "multiple_of": 16,
            "cross_attention_dim": 20,
        },
        sizes=SIZES,
        call=lambda s: {
            **lumina(s),
            "encoder_mask": mask(s.batch, s.text, dtype=torch.int64),
            "image_rotary_emb": complex_rotary(16, 16, 8),
            "cross_attention_kwargs": {},
        },
        blocks=BLOCKS,
        tags={"mask"},
    ),
    Entry(
        class_name="Lumina2Transformer2DModel",
        config={
            "sample_size": 8,
            "in_channels": 4,
            "hidden_size": 48,
            "num_layers": 6,
            "num_refiner_layers": 1,
            "num_attention_heads": 4,
            "num_kv_heads": 2,
            "multiple_of": 16,
            "axes_dim_rope": (4, 4, 4),
            "axes_lens": (64, 32, 32),
            "cap_feat_dim": 20,
        },
        sizes=SIZES,
        call=lambda s: {**lumina(s), "encoder_attention_mask": mask(s.batch, s.text)},
        blocks=BLOCKS,
        tags={"mask"},
        note="prompts of one length: no mask; text and image are packed sample by sample",
    ),
    Z_IMAGE,
    Z_IMAGE.with_variant("controlnet", tags={"lists", "controlnet"}, call=z_image_residuals),
    Z_IMAGE.with_variant(
        "omni",
        config={"siglip_feat_dim": 12},
        tags={"lists", "reference"},
        call=z_image_omni,
        note="lists of lists; clean and noisy tokens are modulated apart",
    ),
    Entry(
        class_name="OmniGenTransformer2DModel",
        config={
            "in_channels": 4,
            "hidden_size": 32,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "intermediate_size": 48,
            "num_layers": 6,
            "pad_token_id": 0,
            "vocab_size": 50,
            "pos_embed_max_size": 16,
            "time_step_dim": 16,
            "rope_scaling": {"long_factor": [1.0] * 4, "short_factor": [1.0] * 4},
        },
        sizes={**SIZES, "text": 9},
        call=omnigen,
        blocks=BLOCKS,
        tags={"mask", "reference", "lists", "dict"},
        note="text must have 6 words or more: the reference image stands at positions 2 to 5",
    ),
)
