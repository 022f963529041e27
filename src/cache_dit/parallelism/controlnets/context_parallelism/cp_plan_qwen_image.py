"""The ControlNet of Qwen-Image."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"


@ControlNetContextParallelismPlannerRegister.register(
    "QwenImageControlNet", "QwenImageMultiControlNet"
)
class QwenImageControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": [split(0, of=IMAGE), split(0, of=TEXT)],
            "encoder_hidden_states_mask": split(1, of=TEXT),
        },
        "transformer_blocks.*.attn": attention(TEXT, IMAGE),
        "controlnet_blocks.*": gather(1),
    }
