"""The ControlNet of Stable Diffusion 3; that of 3.5 8B sees no text."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)

IMAGE, TEXT = "hidden_states", "encoder_hidden_states"


@ControlNetContextParallelismPlannerRegister.register("SD3ControlNet", "SD3MultiControlNet")
class SD3ControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1)},
        "controlnet_blocks.*": gather(1),
    }

    def plans(self, controlnet: nn.Module) -> list[Plan]:
        """Text and image attend together, if there is text; some blocks attend twice."""
        names = [name for name, _ in controlnet.named_modules() if name.endswith(".attn2")]
        twice = dict.fromkeys(names, attention(IMAGE))
        if "context_embedder" not in dict(controlnet.named_children()):
            return [self.plan, {"transformer_blocks.*.attn": attention(IMAGE)}]
        joint = {
            "transformer_blocks.0": {TEXT: split(1)},
            "transformer_blocks.*.attn": attention(IMAGE, TEXT),
        }
        return [self.plan, joint, twice]
