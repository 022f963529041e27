"""The ControlNet of HunyuanDiT."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)


@ControlNetContextParallelismPlannerRegister.register(
    "HunyuanDiT2DControlNet", "HunyuanDiT2DMultiControlNet"
)
class HunyuanDiTControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "blocks.0": {"hidden_states": split(1)},
        "blocks.*": {"image_rotary_emb": split(0, of="hidden_states")},
        "blocks.*.attn1": attention("hidden_states"),
        "controlnet_blocks.*": gather(1),
    }
