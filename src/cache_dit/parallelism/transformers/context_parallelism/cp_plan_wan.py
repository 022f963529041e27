"""Wan and models built like it: self-attention over the video, local cross-attention to the text."""

from __future__ import annotations

from ...context_plan import attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("WanTransformer3DModel", "ChronoEdit")
class WanContextParallelismPlanner(ContextParallelismPlanner):
    plan = {
        "blocks.0": {"hidden_states": split(1)},
        "blocks.*": {
            "rotary_emb": split(1, of="hidden_states"),
            "temb": split(1, of="hidden_states", expected_dims=4),  # a time for each token
        },
        "blocks.*.attn1": attention("hidden_states"),
        "blocks.-1": gather(1),
    }
