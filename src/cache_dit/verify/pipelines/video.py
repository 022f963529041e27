"""Text to video, with and without sound: Wan, CogVideoX, LTX, Hunyuan-Video, Mochi, Cosmos, ..."""

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
from cache_dit.verify.pipelines.image import ATTENTION_MASKS, BOTH, COND, ONE, masks, texts
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import randn

SIZES = {"batch": 1, "frames": 5, "height": 48, "width": 64, "text": 7}
JOINT = ("cond_uncond",)


class Unguarded:
    """In place of the safety checker of Cosmos, a package of its own."""

    def to(self, device: torch.device) -> None:
        pass


def size(s: SimpleNamespace) -> Arguments:
    return {"height": s.height, "width": s.width, "num_frames": s.frames}


def unipc() -> object:
    return diffusers(
        "UniPCMultistepScheduler", prediction_type="flow_prediction", use_flow_sigmas=True
    )


WAN = PipelineEntry(
    class_name="WanPipeline",
    components=lambda: {
        "transformer": transformer("WanTransformer3DModel"),
        "vae": autoencoder_wan(4),
        "scheduler": unipc(),
    },
    call=lambda s: {**size(s), **texts(s, 20)},
    sizes=SIZES,
    branches=BOTH,
)

LTX2 = PipelineEntry(
    class_name="LTX2Pipeline",
    components=lambda: {
        "transformer": transformer("LTX2VideoTransformer3DModel", audio_in_channels=16, audio_out_channels=16, perturbed_attn=True),
        "vae": diffusers("AutoencoderKLLTX2Video", latent_channels=4, block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8), layers_per_block=(1, 1, 1, 1, 1), decoder_layers_per_block=(1, 1, 1, 1)),
        "audio_vae": diffusers("AutoencoderKLLTX2Audio", base_channels=16, ch_mult=(1, 1, 1), num_res_blocks=1, latent_channels=4, mel_bins=16),
        "connectors": diffusers("LTX2TextConnectors", module="diffusers.pipelines.ltx2", caption_channels=20, text_proj_in_factor=1,
            video_connector_num_attention_heads=2, video_connector_attention_head_dim=10, video_connector_num_layers=1, video_connector_num_learnable_registers=None,
            audio_connector_num_attention_heads=2, audio_connector_attention_head_dim=10, audio_connector_num_layers=1, audio_connector_num_learnable_registers=None),
        "scheduler": flow_match(),
    },
    call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS), "spatio_temporal_guidance_blocks": [2]},
    sizes={**SIZES, "frames": 17, "height": 128, "width": 192},
    branches=(
        "cond_uncond",
        "uncond_stg+spatio_temporal_guidance_blocks",
        "uncond_modality+isolate_modalities",
    ),
)

HUNYUAN = PipelineEntry(
    class_name="HunyuanVideoPipeline",
    components=lambda: {"transformer": transformer("HunyuanVideoTransformer3DModel"), "scheduler": flow_match()},
    call=lambda s: {
        **size(s),
        "prompt_embeds": randn(s.batch, s.text, 20),
        "prompt_attention_mask": torch.ones(s.batch, s.text, dtype=torch.int64),
        "pooled_prompt_embeds": randn(s.batch, 12),
    },
    sizes=SIZES,
    branches=COND,
)

ENTRIES = (
    WAN,
    WAN.with_variant("no_guidance", call=lambda s: {"guidance_scale": 1.0}, branches=COND),
    PipelineEntry(
        class_name="WanVACEPipeline",
        components=lambda: {
            "transformer": transformer("WanVACETransformer3DModel", vace_in_channels=8 + 64),
            "vae": autoencoder_wan(4),
            "scheduler": unipc(),
        },
        call=lambda s: {**size(s), **texts(s, 20)},
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="SkyReelsV2Pipeline",
        components=lambda: {"transformer": transformer("SkyReelsV2Transformer3DModel"), "scheduler": unipc()},
        call=lambda s: {**size(s), **texts(s, 20)},
        sizes=SIZES,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="CogVideoXPipeline",
        components=lambda: {"transformer": transformer("CogVideoXTransformer3DModel", attention_head_dim=16), "scheduler": diffusers("CogVideoXDDIMScheduler")},
        call=lambda s: {**size(s), **texts(s, 20)},
        sizes=SIZES,
        branches=JOINT,
    ),
    PipelineEntry(
        class_name="LTXPipeline",
        components=lambda: {"transformer": transformer("LTXVideoTransformer3DModel"), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS)},
        sizes={**SIZES, "height": 96, "width": 128, "frames": 9},
        branches=JOINT,
    ),
    LTX2,
    HUNYUAN,
    HUNYUAN.with_variant(
        "true_cfg",
        call=lambda s: {
            "negative_prompt_embeds": randn(s.batch, s.text, 20),
            "negative_prompt_attention_mask": torch.ones(s.batch, s.text, dtype=torch.int64),
            "negative_pooled_prompt_embeds": randn(s.batch, 12),
            "true_cfg_scale": 3.0,
        },
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="MochiPipeline",
        components=lambda: {"transformer": transformer("MochiTransformer3DModel"), "scheduler": flow_match(invert_sigmas=True)},
        call=lambda s: {**size(s), **texts(s, 24), **{n: torch.ones(s.batch, s.text, dtype=torch.bool) for n in ATTENTION_MASKS}},
        sizes={**SIZES, "frames": 7},
        branches=JOINT,
    ),
    PipelineEntry(
        class_name="AllegroPipeline",
        components=lambda: {"transformer": transformer("AllegroTransformer3DModel"), "scheduler": diffusers("EulerAncestralDiscreteScheduler")},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS), "negative_prompt": None},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="LattePipeline",
        components=lambda: {"transformer": transformer("LatteTransformer3DModel"), "scheduler": diffusers("DDIMScheduler")},
        call=lambda s: {"height": s.height, "width": s.width, "video_length": 3, **texts(s, 20), "negative_prompt": None},
        sizes={"batch": 1, "height": 48, "width": 64, "text": 7},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="Kandinsky5T2IPipeline",
        components=lambda: {"transformer": transformer("Kandinsky5Transformer3DModel", visual_cond=False), "scheduler": flow_match()},
        call=lambda s: {
            "height": s.height, "width": s.width,
            **texts(s, 20, "prompt_embeds_qwen", "negative_prompt_embeds_qwen"),
            **{n: randn(s.batch, 12) for n in ("prompt_embeds_clip", "negative_prompt_embeds_clip")},
            **{n: torch.tensor([0, s.text]) for n in ("prompt_cu_seqlens", "negative_prompt_cu_seqlens")},
        },
        sizes={"batch": 1, "height": 48, "width": 64, "text": 7},
        branches=BOTH,
        attributes={"resolutions": [(64, 48)]},
    ),
    PipelineEntry(
        class_name="Cosmos2TextToImagePipeline",
        components=lambda: {
            "transformer": transformer("CosmosTransformer3DModel"),
            "vae": autoencoder_wan(4),
            "scheduler": flow_match(use_karras_sigmas=True),
            "safety_checker": Unguarded(),
        },
        call=lambda s: {"height": s.height, "width": s.width, **texts(s, 20)},
        sizes={"batch": 1, "height": 48, "width": 64, "text": 7},
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="EasyAnimatePipeline",
        components=lambda: {"transformer": transformer("EasyAnimateTransformer3DModel"), "vae": diffusers("AutoencoderKLMagvit", latent_channels=4, block_out_channels=[8, 8, 8, 8], layers_per_block=1, norm_num_groups=2), "scheduler": flow_match()},
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS)},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="HunyuanVideo15Pipeline",
        components=lambda: {
            "transformer": transformer("HunyuanVideo15Transformer3DModel"),
            "vae": diffusers("AutoencoderKLHunyuanVideo15", latent_channels=4, block_out_channels=(8, 8, 8, 8, 8), layers_per_block=1),
            "guider": diffusers("ClassifierFreeGuidance"),
            "scheduler": flow_match(),
        },
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, "prompt_embeds_mask", "negative_prompt_embeds_mask"),
          **{n: randn(s.batch, 4, 16) for n in ("prompt_embeds_2", "negative_prompt_embeds_2")},
          **{n: torch.ones(s.batch, 4, dtype=torch.int64) for n in ("prompt_embeds_mask_2", "negative_prompt_embeds_mask_2")},
          },
        sizes={**SIZES},
        branches=("pred_cond", "pred_uncond"),
        attributes={"vision_num_semantic_tokens": 5},
    ),
    PipelineEntry(
        class_name="StableAudioPipeline",
        components=lambda: {
            "transformer": transformer("StableAudioDiTModel", global_states_input_dim=40),
            "vae": diffusers("AutoencoderOobleck", encoder_hidden_size=4, downsampling_ratios=[2, 4], channel_multiples=[1, 2], decoder_channels=4, decoder_input_channels=4, audio_channels=2, sampling_rate=8),
            "projection_model": diffusers("StableAudioProjectionModel", module="diffusers.pipelines.stable_audio", text_encoder_dim=20, conditioning_dim=20, min_value=0, max_value=32),
            "scheduler": diffusers("EDMDPMSolverMultistepScheduler"),
        },
        call=lambda s: {**texts(s, 20)},
        sizes={"batch": 1, "text": 5},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="AnyFlowPipeline",
        components=lambda: {
            "transformer": transformer("AnyFlowTransformer3DModel"),
            "scheduler": diffusers("FlowMapEulerDiscreteScheduler"),
        },
        call=lambda s: {**size(s), **texts(s, 20), "guidance_scale": 3.0},
        sizes=SIZES,
        branches=ONE,
    ),
    PipelineEntry(
        class_name="SanaVideoPipeline",
        components=lambda: {
            "transformer": transformer("SanaVideoTransformer3DModel"),
            "scheduler": unipc(),
        },
        call=lambda s: {"height": s.height, "width": s.width, "frames": s.frames, **texts(s, 20), **masks(s, *ATTENTION_MASKS), "negative_prompt": None, "use_resolution_binning": False},
        sizes={**SIZES, "height": 64},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="MotifVideoPipeline",
        components=lambda: {
            "transformer": transformer("MotifVideoTransformer3DModel"),
            "guider": diffusers("ClassifierFreeGuidance"),
            "vae": autoencoder_wan(4),
            "scheduler": flow_match(),
        },
        call=lambda s: {**size(s), **texts(s, 20), **masks(s, *ATTENTION_MASKS)},
        sizes=SIZES,
        branches=("pred_cond", "pred_uncond"),
    ),
)
