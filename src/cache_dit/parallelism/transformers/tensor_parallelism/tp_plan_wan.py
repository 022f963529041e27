"""Wan and models built like it: queries and keys are normalised over all heads."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, part_of
from .tp_parts import attention, feed_forward
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

WITH_IMAGE = {
    "into": "to_q,to_k,to_v,add_k_proj?,add_v_proj?",
    "norm": "norm_q,norm_k,norm_added_k?",
}
BLOCKS: Plan = {
    **attention("blocks.*.{attn1,attn2}", **WITH_IMAGE),
    **feed_forward("blocks.*.ffn"),
}
HEADS = ("blocks.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register(
    "WanTransformer3DModel",
    "AnyFlowTransformer3DModel",
    "ChronoEditTransformer3DModel",
    "HeliosTransformer3DModel",
    "SkyReelsV2Transformer3DModel",
)
class WanTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = BLOCKS
    divide = HEADS


@TensorParallelismPlannerRegister.register("AnyFlowFARTransformer3DModel")
class AnyFlowFARTensorParallelismPlanner(TensorParallelismPlanner):
    """The caller's key-value cache has room for all heads, of which a rank fills its own."""

    plan: ClassVar[Plan] = {**BLOCKS, "blocks.*.attn1": part_of(kv_cache=-3)}
    divide = HEADS


@TensorParallelismPlannerRegister.register("WanVACETransformer3DModel")
class WanVACETensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("{blocks,vace_blocks}.*.{attn1,attn2}", **WITH_IMAGE),
        **feed_forward("{blocks,vace_blocks}.*.ffn"),
    }
    divide = ("{blocks,vace_blocks}.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register("WanAnimateTransformer3DModel")
class WanAnimateTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {**BLOCKS, **attention("face_adapter.*", out="to_out")}
    divide = (*HEADS, "face_adapter.*.heads")


@TensorParallelismPlannerRegister.register("WanAnimate2Transformer3DModel")
class WanAnimate2TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("blocks.*.{self_attn,cross_attn}", **WITH_IMAGE),
        **feed_forward("blocks.*.ffn", into="0", out="2"),
    }
    divide = ("blocks.*.{self_attn,cross_attn}.heads",)
