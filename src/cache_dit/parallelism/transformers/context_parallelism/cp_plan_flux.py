"""FLUX.1 and models built like it: text and image are split, and attend together."""

from __future__ import annotations

from ...context_plan import attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("encoder_hidden_states", "hidden_states")


@ContextParallelismPlannerRegister.register("FluxTransformer2DModel")
class FluxContextParallelismPlanner(ContextParallelismPlanner):
    own = True
    plan = {
        "": {
            "controlnet_block_samples": split(1, of="hidden_states"),
            "controlnet_single_block_samples": split(1, of="hidden_states"),
        },
        "transformer_blocks.*.attn": attention(*JOINT),
        "single_transformer_blocks.*.attn": attention(*JOINT),
    }
