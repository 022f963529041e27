"""FLUX.1 and models built like it: text and image are split, and attend together."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, count, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("encoder_hidden_states", "hidden_states")
RESIDUALS = {
    "controlnet_block_samples": split(1, of="hidden_states"),
    "controlnet_single_block_samples": split(1, of="hidden_states"),
}
PACKED = {
    "hidden_states": split(1),
    "encoder_hidden_states": split(1),
    "img_ids": split(-2, of="hidden_states"),
    "txt_ids": split(-2, of="encoder_hidden_states"),
}
TOGETHER = {
    "transformer_blocks.*.attn": attention(*JOINT, beside="ip_hidden_states"),
    "single_transformer_blocks.*.attn": attention(*JOINT),
}


@ContextParallelismPlannerRegister.register("FluxTransformer2DModel")
class FluxContextParallelismPlanner(ContextParallelismPlanner):
    own = True
    plan: ClassVar[Plan] = {"": RESIDUALS, **TOGETHER}


@ContextParallelismPlannerRegister.register("Flux2Transformer2DModel")
class Flux2ContextParallelismPlanner(ContextParallelismPlanner):
    """Every rank has some of the reference tokens, which come first, and attend to themselves."""

    plan: ClassVar[Plan] = {
        "": {
            **PACKED,
            "hidden_states": split(1, first="num_ref_tokens"),
            "num_ref_tokens": count("hidden_states", everywhere=True),
        },
        "transformer_blocks.*.attn": attention(*JOINT, cached="kv_cache_mode"),
        "single_transformer_blocks.*.attn": attention(*JOINT, cached="kv_cache_mode"),
        "proj_out": gather(1, "hidden_states, others"),
    }


@ContextParallelismPlannerRegister.register("LongCatImage", "OvisImage")
class LongCatImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {"": PACKED, **TOGETHER, "proj_out": gather(1)}


@ContextParallelismPlannerRegister.register("BriaTransformer2DModel")
class BriaContextParallelismPlanner(ContextParallelismPlanner):
    """Its later blocks' residuals are for the image's tokens behind as many as the text has."""

    plan: ClassVar[Plan] = {
        "": {
            **PACKED,
            "hidden_states": split(1, first="encoder_hidden_states"),
            "controlnet_block_samples": split(1, of="hidden_states"),
            "controlnet_single_block_samples": split(1, of="hidden_states, others"),
        },
        **TOGETHER,
        "proj_out": gather(1),
    }


@ContextParallelismPlannerRegister.register("BriaFiboTransformer2DModel")
class BriaFiboContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "": {**PACKED, "text_encoder_layers": split(1, of="encoder_hidden_states")},
        **TOGETHER,
        "proj_out": gather(1),
    }


@ContextParallelismPlannerRegister.register("ChromaTransformer2DModel")
class ChromaContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1), "encoder_hidden_states": split(1)},
        "transformer_blocks.*": {"image_rotary_emb": split(0, of=JOINT)},
        "single_transformer_blocks.*": {"image_rotary_emb": split(0, of=JOINT)},
        "": {
            "controlnet_block_samples": split(1, name="residuals"),
            "controlnet_single_block_samples": split(1, name="residuals"),
        },
        **TOGETHER,
        "proj_out": gather(1),
    }
