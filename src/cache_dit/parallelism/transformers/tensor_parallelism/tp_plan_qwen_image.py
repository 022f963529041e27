"""Qwen-Image, Nucleus and JoyImage."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, packed_colwise
from .tp_parts import attention, feed_forward, gated_feed_forward, joint_attention
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister


@TensorParallelismPlannerRegister.register("QwenImageTransformer2DModel")
class QwenImageTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint_attention("transformer_blocks.*.attn"),
        **feed_forward("transformer_blocks.*.{img_mlp,txt_mlp}"),
    }
    divide = ("transformer_blocks.*.attn.{heads,inner_dim}",)  # the head's size is their ratio


@TensorParallelismPlannerRegister.register("QwenImage21")
class QwenImage21TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.attn"),
        **feed_forward("transformer_blocks.*.img_mlp", into="proj,gate_layer", out="out"),
    }
    divide = ("transformer_blocks.*.attn.{heads,inner_dim}",)


@TensorParallelismPlannerRegister.register("NucleusMoEImage")
class NucleusMoEImageTensorParallelismPlanner(TensorParallelismPlanner):
    """Every rank has a part of every expert; the weights of the experts are [expert, in, out]."""

    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.attn", into="to_q,to_k,to_v,add_k_proj,add_v_proj"),
        **gated_feed_forward("transformer_blocks.*.{img_mlp,img_mlp.shared_expert?}"),
        "transformer_blocks.*.img_mlp.experts?.gate_up_proj": "packed_rowwise",
        "transformer_blocks.*.img_mlp.experts?.down_proj": "colwise",
        "transformer_blocks.*.img_mlp.experts?": "all_reduce",
    }
    divide = ("transformer_blocks.*.attn.heads",)


@TensorParallelismPlannerRegister.register("JoyImageEdit")
class JoyImageEditTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "double_blocks.*.attn.{img_attn_qkv,txt_attn_qkv}": packed_colwise(1, 1, 1),
        "double_blocks.*.attn.{img_attn_proj,txt_attn_proj}": "rowwise",
        **feed_forward("double_blocks.*.{img_mlp,txt_mlp}"),
    }
    divide = ("double_blocks.*.attn.heads",)
