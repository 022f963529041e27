"""NVIDIA Cosmos, MiniMax H3 (video with sound in one packed sequence), and a model of proteins."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import grid, ints, joined, latent, mask, randn, timestep

SIZES = {"batch": 2, "frames": 2, "height": 3, "width": 4, "text": 7}
TEXT, SOUND, VIDEO = 1, 2, 0


def cosmos(s: SimpleNamespace) -> Arguments:
    return {
        "hidden_states": latent(s.batch, 4, s.frames, 2 * s.height, 2 * s.width),
        "timestep": timestep(s.batch, start=0.9),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "fps": 16,
    }


def cosmos_transfer(s: SimpleNamespace) -> Arguments:
    """Cosmos 2.5: text and picture states, a time per frame, residuals for every other block."""
    tokens = s.frames * s.height * s.width
    size = (s.batch, 1, s.frames, 2 * s.height, 2 * s.width)
    return {
        "hidden_states": latent(s.batch, 4, *size[2:]),
        "condition_mask": torch.zeros(size),
        "timestep": timestep(s.batch, 1, s.frames, 1, 1, start=0.9),
        "encoder_hidden_states": (randn(s.batch, s.text, 24), randn(s.batch, 5, 12)),
        "block_controlnet_hidden_states": [randn(s.batch, tokens, 48) for _ in range(3)],
        "fps": None,
    }


def cosmos3(s: SimpleNamespace) -> Arguments:
    """Packed tokens of one sample: first the text, then the frames to be denoised."""
    tokens = s.frames * s.height * s.width
    vision = torch.arange(s.text, s.text + tokens)
    text = torch.arange(s.text)[:, None].expand(-1, 3)
    positions = torch.cat([text, grid(s.frames, s.height, s.width).long() + s.text])
    return {
        "input_ids": ints(50, s.text),
        "text_indexes": torch.arange(s.text),
        "position_ids": positions.T,
        "und_len": s.text,
        "sequence_length": s.text + tokens,
        "vision_tokens": [latent(1, 4, s.frames, 2 * s.height, 2 * s.width)],
        "vision_token_shapes": [(s.frames, s.height, s.width)],
        "vision_sequence_indexes": vision,
        "vision_mse_loss_indexes": vision,
        "vision_timesteps": timestep(tokens),
        "vision_noisy_frame_indexes": [torch.arange(s.frames)],
    }


def cosmos3_sound(s: SimpleNamespace) -> Arguments:
    """The same with sound tokens behind the frames."""
    first = s.text + s.frames * s.height * s.width
    sound = torch.arange(first, first + s.sound)
    place = torch.arange(s.sound)[:, None] + torch.tensor([s.text, 0, 0])
    return {
        "position_ids": torch.cat([cosmos3(s)["position_ids"], place.T], dim=1),
        "sequence_length": first + s.sound,
        "sound_tokens": [latent(6, s.sound)],
        "sound_token_shapes": [(s.sound, 1, 1)],
        "sound_sequence_indexes": sound,
        "sound_mse_loss_indexes": sound,
        "sound_timesteps": timestep(s.sound),
        "sound_noisy_frame_indexes": [torch.arange(s.sound)],
    }


def minimax(s: SimpleNamespace) -> Arguments:
    """Rows of text, sound and video, and two times that rows refer to: 0 sound, 1 video."""
    video = s.frames * s.height * s.width
    tags = torch.tensor([TEXT] * s.text + [SOUND] * s.sound + [VIDEO] * video)
    places = [grid(s.text, after=2), grid(s.sound, after=2), grid(s.frames, s.height, s.width)]
    return {
        "hidden_states": latent(s.batch, video, 16),
        "audio_hidden_states": latent(s.batch, s.sound, 6),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": joined(0, timestep(1, start=850.0), timestep(1)),
        "timestep_indices": (tags != SOUND).long(),
        "token_tags": tags,
        "position_ids": torch.cat(places),
        "video_indices": (tags == VIDEO).nonzero().flatten(),
        "audio_indices": (tags == SOUND).nonzero().flatten(),
        "text_indices": (tags == TEXT).nonzero().flatten(),
    }


def protein(s: SimpleNamespace) -> Arguments:
    """A chain of residues: coordinates and latents, both denoised, with times that rise to 1."""
    return {
        "bb_ca": latent(s.batch, s.residues, 3),
        "local_latents": latent(s.batch, s.residues, 8),
        "bb_ca_time": timestep(s.batch, start=0.9, rising=True),
        "local_latents_time": timestep(s.batch, start=0.8, rising=True),
        "padding_mask": mask(s.batch, s.residues),
        "conditioning": {
            "is_in_context_conditioning": torch.zeros(s.batch, s.residues, dtype=torch.bool),
            "supports_local_latent": torch.ones(s.batch, s.residues, dtype=torch.bool),
        },
        "recycle_depth": 2,
    }


COSMOS = Entry(
    class_name="CosmosTransformer3DModel",
    config={
        "in_channels": 4,
        "out_channels": 4,
        "num_attention_heads": 4,
        "attention_head_dim": 12,
        "num_layers": 6,
        "mlp_ratio": 2.0,
        "text_embed_dim": 20,
        "adaln_lora_dim": 8,
        "max_size": (5, 16, 16),
        "concat_padding_mask": False,
    },
    sizes=SIZES,
    call=cosmos,
    blocks=("transformer_blocks",),
    float32=("learnable_pos_embed",),
    note="without concat_padding_mask, which needs torchvision and adds one channel of zeros",
)

COSMOS3 = Entry(
    class_name="Cosmos3OmniTransformer",
    config={
        "head_dim": 12,
        "hidden_size": 48,
        "intermediate_size": 64,
        "latent_channel": 4,
        "latent_patch_size": 2,
        "patch_latent_dim": 16,
        "num_attention_heads": 4,
        "num_hidden_layers": 6,
        "num_key_value_heads": 2,
        "rope_theta": 10000.0,
        "rope_axes_dim": [2, 2, 2],
        "vocab_size": 50,
    },
    sizes={"frames": 2, "height": 3, "width": 4, "text": 7},
    call=cosmos3,
    blocks=("layers",),
    tags={"lists"},
    note="no batch dimension; of a block's two streams the first is the text, and the second "
    "is denoised",
)

ENTRIES = (
    COSMOS,
    COSMOS.with_variant(
        "controlnet",
        config={
            "in_channels": 5,
            "controlnet_block_every_n": 2,
            "extra_pos_embed_type": None,
            "use_crossattn_projection": True,
            "crossattn_proj_in_channels": 24,
            "encoder_hidden_states_channels": 20,
            "img_context_dim_in": 12,
            "img_context_num_tokens": 5,
            "img_context_dim_out": 48,
        },
        call=cosmos_transfer,
        float32=(),
        tags={"controlnet", "reference"},
        note="the residual is the last positional argument of a block; text states are a pair",
    ),
    COSMOS3,
    COSMOS3.with_variant(
        "sound",
        config={"sound_gen": True, "sound_dim": 6},
        sizes={**COSMOS3.sizes, "sound": 5},
        call=cosmos3_sound,
        tags={"lists", "audio"},
    ),
    Entry(
        class_name="MiniMaxH3Transformer3DModel",
        config={
            "num_attention_heads": 4,
            "attention_head_dim": 16,
            "hidden_size": 48,
            "num_layers": 6,
            "num_refiner_layers": 1,
            "ffn_dim": 64,
            "in_channels": 4,
            "audio_in_channels": 6,
            "text_dim": 20,
            "freq_dim": 16,
            "time_embed_hidden_dim": 24,
            "time_embed_dim": 16,
            "rope_freq_dim": 2,
        },
        sizes={**SIZES, "sound": 5},
        call=minimax,
        blocks=("transformer_blocks",),
        tags={"audio"},
        note="modulation is looked up by an index per token (time and modality)",
    ),
    Entry(
        class_name="RFD4ProteinaTransformer",
        config={
            "nlayers": 6,
            "token_dim": 32,
            "nheads": 4,
            "dim_cond": 16,
            "pair_repr_dim": 16,
            "latent_dim": 8,
            "tri_mult_c": 16,
            "feats_seq": ["xt_bb_ca", "xt_local_latents"],
            "feats_cond_seq": ["time_emb_bb_ca", "recycle_remaining"],
            "feats_pair_repr": ["xt_bb_ca_pair_dists"],
            "feats_pair_cond": ["time_emb_bb_ca"],
        },
        sizes={"batch": 2, "residues": 6},
        call=protein,
        blocks=("transformer_layers",),
        tags={"mask", "dict", "recycling"},
        note="the layers run recycle_depth times in a forward; pair_update_layers rewrite "
        "pairs between them",
    ),
)
