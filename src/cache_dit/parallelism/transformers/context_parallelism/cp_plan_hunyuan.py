"""HunyuanVideo and HunyuanImage: image and text attend together, with a mask over both."""

from __future__ import annotations

from ...context_plan import attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("hidden_states", "encoder_hidden_states")


@ContextParallelismPlannerRegister.register("HunyuanVideoTransformer3DModel")
class HunyuanVideoContextParallelismPlanner(ContextParallelismPlanner):
    plan = {
        "transformer_blocks.0": {"hidden_states": split(1), "encoder_hidden_states": split(1)},
        "transformer_blocks.*": {"freqs_cis": split(0, of="hidden_states")},
        "single_transformer_blocks.*": {"image_rotary_emb": split(0, of="hidden_states")},
        "transformer_blocks.*.attn": attention(*JOINT),
        "single_transformer_blocks.*.attn": attention(*JOINT),
        "proj_out": gather(1),
    }
