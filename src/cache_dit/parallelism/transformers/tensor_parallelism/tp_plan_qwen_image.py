"""Qwen-Image."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister


@TensorParallelismPlannerRegister.register("QwenImageTransformer2DModel")
class QwenImageTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.*.attn.{to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj}": "colwise",
        "transformer_blocks.*.attn.{to_out.0,to_add_out}": "rowwise",
        "transformer_blocks.*.{img_mlp,txt_mlp}.net.0.proj": "colwise",
        "transformer_blocks.*.{img_mlp,txt_mlp}.net.2": "rowwise",
    }
    divide = ("transformer_blocks.*.attn.{heads,inner_dim}",)  # the head's size is their ratio
