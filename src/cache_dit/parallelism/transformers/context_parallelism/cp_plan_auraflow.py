"""AuraFlow: text (after a few registers) and image attend together."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("encoder_hidden_states", "hidden_states")


@ContextParallelismPlannerRegister.register("AuraFlow")
class AuraFlowContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "joint_transformer_blocks.0": {
            "hidden_states": split(1),
            "encoder_hidden_states": split(1),
        },
        "joint_transformer_blocks.*.attn": attention(*JOINT),
        "single_transformer_blocks.*.attn": attention(*JOINT),
        "proj_out": gather(1),
    }
