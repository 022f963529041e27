"""Stable Diffusion 3, AuraFlow and HiDream."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan
from .tp_parts import attention, feed_forward, joint_attention
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister


@TensorParallelismPlannerRegister.register("SD3Transformer2DModel")
class SD3TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint_attention("transformer_blocks.*.attn"),
        **attention("transformer_blocks.*.attn2?"),
        **feed_forward("transformer_blocks.*.{ff,ff_context}"),
    }
    divide = ("transformer_blocks.*.{attn,attn2?}.heads",)


@TensorParallelismPlannerRegister.register("AuraFlowTransformer2DModel")
class AuraFlowTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint_attention("joint_transformer_blocks.*.attn"),
        **attention("single_transformer_blocks.*.attn"),
        **feed_forward(
            "{joint_transformer_blocks.*.ff,joint_transformer_blocks.*.ff_context,"
            "single_transformer_blocks.*.ff}",
            into="linear_1,linear_2",
            out="out_projection",
        ),
    }
    divide = ("{joint_transformer_blocks,single_transformer_blocks}.*.attn.heads",)


@TensorParallelismPlannerRegister.register("HiDreamImageTransformer2DModel")
class HiDreamImageTensorParallelismPlanner(TensorParallelismPlanner):
    """Every rank has a part of every expert, and their sum is exchanged once."""

    plan: ClassVar[Plan] = {
        **attention(
            "{double_stream_blocks,single_stream_blocks}.*.block.attn1",
            into="to_q,to_k,to_v,to_q_t?,to_k_t?,to_v_t?",
            out="to_out,to_out_t?",
            norm="q_rms_norm,k_rms_norm,q_rms_norm_t?,k_rms_norm_t?",
        ),
        **feed_forward("double_stream_blocks.*.block.ff_t", into="w1,w3", out="w2"),
        **{
            f"{blocks}.*.block.ff_i{layer}": style
            for blocks in ("double_stream_blocks", "single_stream_blocks")
            for layer, style in {
                ".{shared_experts,experts.*}.{w1,w3}": "colwise",
                ".{shared_experts,experts.*}.w2": "local_rowwise",
                "": "all_reduce",
            }.items()
        },
    }
    divide = ("{double_stream_blocks,single_stream_blocks}.*.block.attn1.heads",)
