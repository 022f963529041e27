"""HiDream: every block is given text of its own, so that text is split anew in each."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"


@ContextParallelismPlannerRegister.register("HiDreamImage")
class HiDreamImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "double_stream_blocks.*": (
            {
                IMAGE: split(1),
                "hidden_states_masks": split(1, of=IMAGE),
                TEXT: split(1),
                "image_rotary_emb": split(1, of=(IMAGE, TEXT)),
            },
            [gather(1), gather(1, TEXT)],
        ),
        "double_stream_blocks.*.block.attn1": attention(IMAGE, TEXT),
        "single_stream_blocks.*": (
            {
                IMAGE: split(1),
                "hidden_states_masks": split(1, of=IMAGE),
                "image_rotary_emb": split(1, of=IMAGE),
            },
            gather(1),
        ),
        "single_stream_blocks.*.block.attn1": attention(IMAGE),
    }
