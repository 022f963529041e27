"""FLUX and models built like it: double-stream blocks, then single-stream blocks."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import REST, Plan, packed_colwise, packed_rowwise
from .tp_parts import attention, feed_forward, gated_feed_forward, joint_attention
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

ATTENTION: Plan = {
    **joint_attention("transformer_blocks.*.attn"),
    "single_transformer_blocks.*.attn.{to_q,to_k,to_v}": "colwise",
    "single_transformer_blocks.*.proj_out": packed_rowwise("attn.inner_dim", REST),  # attn | mlp
}
PLAIN: Plan = {
    **ATTENTION,
    **feed_forward("transformer_blocks.*.{ff,ff_context}"),
    "single_transformer_blocks.*.proj_mlp": "colwise",
}
GATED: Plan = {
    **ATTENTION,
    **gated_feed_forward("transformer_blocks.*.{ff,ff_context}"),
    "single_transformer_blocks.*.proj_mlp": packed_colwise(1, 1),
}
HEADS = ("{transformer_blocks,single_transformer_blocks}.*.attn.heads",)


@TensorParallelismPlannerRegister.register(
    "FluxTransformer2DModel",
    "BriaFiboTransformer2DModel",
    "BriaTransformer2DModel",
    "ChromaTransformer2DModel",
    "LongCatImageTransformer2DModel",
)
class FluxTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = PLAIN
    divide = HEADS


@TensorParallelismPlannerRegister.register("OvisImage")
class OvisImageTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = GATED
    divide = (*HEADS, "single_transformer_blocks.*.mlp_hidden_dim")


@TensorParallelismPlannerRegister.register("Flux2Transformer2DModel")
class Flux2TensorParallelismPlanner(TensorParallelismPlanner):
    """One layer of a single block makes queries, keys, values, gates and what is gated."""

    plan: ClassVar[Plan] = {
        **joint_attention("transformer_blocks.*.attn"),
        **gated_feed_forward(
            "transformer_blocks.*.{ff,ff_context}", into="linear_in", out="linear_out"
        ),
        "single_transformer_blocks.*.attn.to_qkv_mlp_proj": packed_colwise(
            "inner_dim", "inner_dim", "inner_dim", "mlp_hidden_dim", "mlp_hidden_dim"
        ),
        "single_transformer_blocks.*.attn.to_out": packed_rowwise("inner_dim", "mlp_hidden_dim"),
    }
    divide = (*HEADS, "single_transformer_blocks.*.attn.{inner_dim,mlp_hidden_dim}")


@TensorParallelismPlannerRegister.register("Flux3Transformer2DModel")
class Flux3TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("{txt_mode_blocks,mode_blocks.*,single_transformer_blocks}.*.attn"),
        **gated_feed_forward(
            "{txt_mode_blocks,mode_blocks.*,single_transformer_blocks}.*.ff",
            into="linear_in",
            out="linear_out",
        ),
    }
    divide = ("{txt_mode_blocks,mode_blocks.*,single_transformer_blocks}.*.attn.heads",)
