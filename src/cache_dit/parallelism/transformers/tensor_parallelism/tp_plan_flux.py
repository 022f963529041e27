"""FLUX.1 and models built like it."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import REST, Plan, packed_rowwise
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

DOUBLE: Plan = {
    "transformer_blocks.*.attn.{to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj}": "colwise",
    "transformer_blocks.*.attn.{to_out.0,to_add_out}": "rowwise",
    "transformer_blocks.*.{ff,ff_context}.net.0.proj": "colwise",
    "transformer_blocks.*.{ff,ff_context}.net.2": "rowwise",
}
SINGLE: Plan = {
    "single_transformer_blocks.*.attn.{to_q,to_k,to_v}": "colwise",
    "single_transformer_blocks.*.proj_mlp": "colwise",
    "single_transformer_blocks.*.proj_out": packed_rowwise(REST, "mlp_hidden_dim"),  # attn | mlp
}
HEADS = ("{transformer_blocks,single_transformer_blocks}.*.attn.heads",)


@TensorParallelismPlannerRegister.register("FluxTransformer2DModel")
class FluxTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {**DOUBLE, **SINGLE}
    divide = HEADS
