"""Text-to-image: SD3, AuraFlow, HiDream, PRX, Krea 2, ERNIE-Image, Ideogram 4."""

from __future__ import annotations

from types import SimpleNamespace

import torch

from cache_dit.verify.zoo.entry import Arguments, Entry
from cache_dit.verify.zoo.spec import full, grid, joined, kept, latent, mask, randn, timestep

BLOCKS = ("transformer_blocks",)
SIZES = {"batch": 2, "height": 4, "width": 5, "text": 7}
TEXT_STATE, IMAGE, PADDING = 3, 2, -1


def plain(s: SimpleNamespace) -> Arguments:
    """Latents in patches of 2 x 2, text states, time in 0..1000."""
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "encoder_hidden_states": randn(s.batch, s.text, 20),
        "timestep": timestep(s.batch),
    }


def hidream(s: SimpleNamespace) -> Arguments:
    """With text states for each of 10 blocks, appended to the sequence and cut off again."""
    return {
        "hidden_states": latent(s.batch, 4, 2 * s.height, 2 * s.width),
        "timesteps": timestep(s.batch),
        "encoder_hidden_states_t5": randn(s.batch, s.text, 20),
        "encoder_hidden_states_llama3": randn(10, s.batch, s.text, 16),
        "pooled_embeds": randn(s.batch, 12),
    }


def ideogram(s: SimpleNamespace) -> Arguments:
    """Text and image in one packed sequence; the second prompt is padded on the left."""
    tokens = s.height * s.width
    text = torch.where(kept(s.batch, s.text), TEXT_STATE, PADDING).flip(1)
    indicator = torch.cat([text, torch.full((s.batch, tokens), IMAGE)], dim=1)
    positions = torch.cat([grid(s.text, after=2), grid(s.height, s.width, before=1, offset=s.text)])
    return {
        "hidden_states": joined(1, full(0.0, s.batch, s.text, 8), latent(s.batch, tokens, 8)),
        "timestep": timestep(s.batch, start=0.9, rising=True),
        "encoder_hidden_states": randn(s.batch, s.text + tokens, 20),
        "position_ids": positions.long().expand(s.batch, -1, -1),
        "segment_ids": torch.where(indicator == PADDING, PADDING, 1),
        "indicator": indicator,
    }


SD3 = Entry(
    class_name="SD3Transformer2DModel",
    config={
        "num_layers": 6,
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "attention_head_dim": 8,
        "num_attention_heads": 4,
        "caption_projection_dim": 32,
        "joint_attention_dim": 20,
        "pooled_projection_dim": 12,
        "pos_embed_max_size": 16,
        "dual_attention_layers": (0, 1, 2),
        "qk_norm": "rms_norm",
    },
    sizes=SIZES,
    call=lambda s: {**plain(s), "pooled_projections": randn(s.batch, 12)},
    blocks=BLOCKS,
    note="the last block gives no text stream (None)",
)

HIDREAM = Entry(
    class_name="HiDreamImageTransformer2DModel",
    config={
        "patch_size": 2,
        "in_channels": 4,
        "out_channels": 4,
        "num_layers": 4,
        "num_single_layers": 6,
        "attention_head_dim": 8,
        "num_attention_heads": 4,
        "caption_channels": [20, 16],
        "text_emb_dim": 12,
        "num_routed_experts": 4,
        "num_activated_experts": 2,
        "axes_dims_rope": (4, 2, 2),
        "max_resolution": (16, 16),
        "llama_layers": list(range(10)),
        "force_inference_output": True,
    },
    sizes={**SIZES, "width": 4},
    call=hidream,
    blocks=("double_stream_blocks", "single_stream_blocks"),
    tags={"experts"},
    note="tokens are routed to experts: outputs jump where a token changes experts",
)

ENTRIES = (
    SD3,
    SD3.with_variant(
        "controlnet",
        tags={"controlnet"},
        call=lambda s: {
            "block_controlnet_hidden_states": [
                randn(s.batch, s.height * s.width, 32) for _ in range(3)
            ],
        },
        note="forward reads context_pre_only of every block; no residual after the last one",
    ),
    SD3.with_variant(
        "skip_layers",
        call=lambda s: {"skip_layers": [2, 3]},
        idle=("transformer_blocks.2", "transformer_blocks.3"),
        note="skip-layer guidance: the forward leaves blocks 2 and 3 out",
    ),
    Entry(
        class_name="AuraFlowTransformer2DModel",
        config={
            "sample_size": 8,
            "in_channels": 4,
            "num_mmdit_layers": 4,
            "num_single_dit_layers": 6,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "caption_projection_dim": 32,
            "joint_attention_dim": 20,
            "pos_embed_max_size": 256,
        },
        sizes=SIZES,
        call=lambda s: {**plain(s), "timestep": timestep(s.batch, start=0.9)},
        blocks=("joint_transformer_blocks", "single_transformer_blocks"),
    ),
    HIDREAM,
    HIDREAM.with_variant(
        "not_square",
        sizes=SIZES,
        tags={"experts", "mask"},
        note="images that are not square are padded to the largest resolution and masked",
    ),
    Entry(
        class_name="PRXTransformer2DModel",
        config={
            "in_channels": 4,
            "context_in_dim": 20,
            "hidden_size": 64,
            "mlp_ratio": 2.0,
            "num_heads": 4,
            "depth": 6,
            "axes_dim": [8, 8],
        },
        sizes=SIZES,
        call=lambda s: {
            **plain(s),
            "timestep": timestep(s.batch, start=0.9),
            "attention_mask": mask(s.batch, s.text),
        },
        blocks=("blocks",),
        tags={"mask"},
    ),
    Entry(
        class_name="Krea2Transformer2DModel",
        config={
            "in_channels": 8,
            "num_layers": 6,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "intermediate_size": 48,
            "timestep_embed_dim": 16,
            "text_hidden_dim": 16,
            "num_text_layers": 3,
            "text_num_attention_heads": 4,
            "text_num_key_value_heads": 1,
            "text_intermediate_size": 24,
            "num_layerwise_text_blocks": 1,
            "num_refiner_text_blocks": 1,
            "axes_dims_rope": (4, 2, 2),
        },
        sizes=SIZES,
        call=lambda s: {
            "hidden_states": latent(s.batch, s.height * s.width, 8),
            "encoder_hidden_states": randn(s.batch, s.text, 3, 16),
            "timestep": timestep(s.batch, start=0.9),
            "position_ids": torch.cat([torch.zeros(s.text, 3), grid(s.height, s.width, before=1)]),
            "encoder_attention_mask": mask(s.batch, s.text),
        },
        blocks=BLOCKS,
        tags={"mask"},
        note="the states of several text layers are fused before the blocks; 2 key-value heads "
        "for 4 heads",
    ),
    Entry(
        class_name="ErnieImageTransformer2DModel",
        config={
            "hidden_size": 48,
            "num_attention_heads": 4,
            "num_layers": 6,
            "ffn_hidden_size": 64,
            "in_channels": 4,
            "out_channels": 4,
            "text_in_dim": 20,
            "rope_axes_dim": (4, 4, 4),
        },
        sizes=SIZES,
        call=lambda s: {
            "hidden_states": latent(s.batch, 4, s.height, s.width),
            "timestep": timestep(s.batch),
            "text_bth": randn(s.batch, s.text, 20),
            "text_lens": kept(s.batch, s.text).sum(1),
        },
        blocks=("layers",),
        tags={"mask"},
        note="blocks see [tokens, batch, channels], the image before the text",
    ),
    Entry(
        class_name="Ideogram4Transformer2DModel",
        config={
            "in_channels": 8,
            "num_layers": 6,
            "attention_head_dim": 8,
            "num_attention_heads": 4,
            "intermediate_size": 48,
            "adaln_dim": 16,
            "llm_features_dim": 20,
            "rope_theta": 10000,
            "mrope_section": (2, 1, 1),
        },
        sizes=SIZES,
        call=ideogram,
        blocks=("layers",),
        tags={"mask"},
        note="pipelines run the unconditional branch on a second transformer, without text tokens",
    ),
)
