"""The ControlNet of Cosmos Transfer 2.5: the video is added to its control before all blocks."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)

CONTROL = "hidden_states"


@ControlNetContextParallelismPlannerRegister.register("CosmosControlNet")
class CosmosControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "control_blocks.0": {CONTROL: split(1), "latents": split(1, of=CONTROL)},
        "control_blocks.*": {
            "image_rotary_emb": split(0, of=CONTROL),
            "extra_pos_emb": split(1, of=CONTROL),
            "embedded_timestep": split(1, of=CONTROL, expected_dims=3),
            "temb": split(1, of=CONTROL, expected_dims=3),
        },
        "control_blocks.*.attn1": attention(CONTROL),
        "control_blocks.*.after_proj": gather(1),
    }
