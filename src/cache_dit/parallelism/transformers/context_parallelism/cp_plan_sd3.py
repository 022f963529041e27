"""Stable Diffusion 3: text and image attend together; 3.5 medium's image also on its own."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("hidden_states", "encoder_hidden_states")


@ContextParallelismPlannerRegister.register("SD3Transformer2DModel")
class SD3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1), "encoder_hidden_states": split(1)},
        "transformer_blocks.*.attn": attention(*JOINT),
        "": {"block_controlnet_hidden_states": split(1, name="residuals")},
        "proj_out": gather(1),
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Some blocks have a second attention, over the image."""
        names = [name for name, _ in transformer.named_modules() if name.endswith(".attn2")]
        return [self.plan, dict.fromkeys(names, attention("hidden_states"))]
