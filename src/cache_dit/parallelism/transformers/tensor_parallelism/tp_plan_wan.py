"""Wan and models built like it: queries and keys are normalised over all heads."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

BLOCKS: Plan = {
    "blocks.*.{attn1,attn2}.{to_q,to_k,to_v,add_k_proj?,add_v_proj?}": "colwise",
    "blocks.*.{attn1,attn2}.{norm_q,norm_k,norm_added_k?}": "norm",
    "blocks.*.{attn1,attn2}.to_out.0": "rowwise",
    "blocks.*.ffn.net.0.proj": "colwise",
    "blocks.*.ffn.net.2": "rowwise",
}
HEADS = ("blocks.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register("WanTransformer3DModel", "ChronoEdit")
class WanTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = BLOCKS
    divide = HEADS
