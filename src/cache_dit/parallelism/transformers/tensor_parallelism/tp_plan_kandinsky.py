"""Kandinsky 5 and 6."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan
from .tp_parts import attention, feed_forward
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

QKV = "to_query,to_key,to_value"


@TensorParallelismPlannerRegister.register("Kandinsky5Transformer3DModel")
class Kandinsky5TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("text_transformer_blocks.*.self_attention", into=QKV, out="out_layer"),
        **attention(
            "visual_transformer_blocks.*.{self_attention,cross_attention}",
            into=QKV,
            out="out_layer",
        ),
        **feed_forward(
            "{text_transformer_blocks,visual_transformer_blocks}.*.feed_forward",
            into="in_layer",
            out="out_layer",
        ),
    }
    divide = (
        "text_transformer_blocks.*.self_attention.num_heads",
        "visual_transformer_blocks.*.{self_attention,cross_attention}.num_heads",
    )


@TensorParallelismPlannerRegister.register("Kandinsky6Transformer3DModel")
class Kandinsky6TensorParallelismPlanner(TensorParallelismPlanner):
    """Picture and sound."""

    plan: ClassVar[Plan] = {
        **{
            f"{at}.{layer}": style
            for at in (
                "{video_text_transformer_blocks,audio_text_transformer_blocks}.*.attn",
                "visual_transformer_blocks.*.{video_dec_block,audio_dec_block}"
                ".{self_attention,cross_attention}",
                "visual_transformer_blocks.*.{va_cross_attention,av_cross_attention}",
            )
            for layer, style in {f"{{{QKV}}}": "colwise", "out_layer": "rowwise"}.items()
        },
        **feed_forward(
            "{video_text_transformer_blocks,audio_text_transformer_blocks}.*.feed_forward"
        ),
        **feed_forward(
            "visual_transformer_blocks.*.{video_dec_block,audio_dec_block}.feed_forward"
        ),
    }
    divide = (
        "{video_text_transformer_blocks,audio_text_transformer_blocks}.*.attn.num_heads",
        "visual_transformer_blocks.*.{video_dec_block,audio_dec_block}"
        ".{self_attention,cross_attention}.num_heads",
        "visual_transformer_blocks.*.{va_cross_attention,av_cross_attention}.num_heads",
    )


@TensorParallelismPlannerRegister.register("Kandinsky6SRTransformer3DModel")
class Kandinsky6SRTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("visual_transformer_blocks.*.self_attention", into=QKV, out="out_layer"),
        **feed_forward("visual_transformer_blocks.*.feed_forward"),
    }
    divide = ("visual_transformer_blocks.*.self_attention.num_heads",)
