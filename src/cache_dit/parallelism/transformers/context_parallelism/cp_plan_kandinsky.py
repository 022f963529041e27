"""Kandinsky: the video attends to itself and to the whole text; in 6 with sound beside it."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, blocks, gather, on_heads, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("Kandinsky5Transformer")
class Kandinsky5ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks(
        "visual_transformer_blocks", "self_attention", stream="visual_embed", rope=1
    )


@ContextParallelismPlannerRegister.register("Kandinsky6Transformer")
class Kandinsky6ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "visual_transformer_blocks.0": {"vis": split(1), "aud": split(1)},
        "visual_transformer_blocks.*": {
            "vis_rope": split(0, of="vis"),
            "aud_rope": split(0, of="aud"),
        },
        "visual_transformer_blocks.*.video_dec_block.self_attention": attention("vis"),
        "visual_transformer_blocks.*.audio_dec_block.self_attention": attention("aud"),
        "visual_transformer_blocks.*.va_cross_attention": attention("vis", keys="aud"),
        "visual_transformer_blocks.*.av_cross_attention": attention("aud", keys="vis"),
        "visual_transformer_blocks.-1": [gather(1, "vis"), gather(1, "aud")],
    }


@ContextParallelismPlannerRegister.register("Kandinsky6SR")
class Kandinsky6SRContextParallelismPlanner(ContextParallelismPlanner):
    """Its mask is made of the queries and keys of all tokens."""

    plan: ClassVar[Plan] = {
        "visual_transformer_blocks.0": {"hidden_states": split(1)},
        **on_heads(
            "visual_transformer_blocks.*.self_attention",
            *("to_query", "to_key", "to_value"),
            out="out_layer",
            attribute="num_heads",
        ),
        "visual_transformer_blocks.-1": gather(1),
    }
