"""Stable Diffusion 3: text and image attend together; 3.5 medium's image also on its own."""

from __future__ import annotations

from ...context_plan import attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("hidden_states", "encoder_hidden_states")  # Attention's joint processor: the image first


@ContextParallelismPlannerRegister.register("SD3Transformer2DModel")
class SD3ContextParallelismPlanner(ContextParallelismPlanner):
    plan = {
        "transformer_blocks.0": {
            "hidden_states": split(1),
            "encoder_hidden_states": split(1),
        },
        "": {"block_controlnet_hidden_states": split(1)},
        "transformer_blocks.*.attn": attention(*JOINT),
        "proj_out": gather(1),
    }

    def plans(self, transformer):
        dual = {f"transformer_blocks.{i}.attn2": attention("hidden_states")
                for i, block in enumerate(transformer.transformer_blocks) if block.attn2 is not None}
        return [self.plan, dual]
