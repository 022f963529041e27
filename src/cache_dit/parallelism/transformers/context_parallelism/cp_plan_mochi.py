"""Mochi: padding is left out of the text, and so the lengths depend on the prompt."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("MochiTransformer")
class MochiContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1), "encoder_hidden_states": split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": split(0, of="hidden_states"),
            "encoder_attention_mask": split(1, of="encoder_hidden_states"),
        },
        "transformer_blocks.*.attn1": attention(),
        "transformer_blocks.-1": gather(1),
    }
