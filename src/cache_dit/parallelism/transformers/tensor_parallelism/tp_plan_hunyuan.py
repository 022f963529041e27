"""HunyuanVideo, HunyuanImage and models built like them; HunyuanDiT."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import REST, Plan, packed_rowwise
from .tp_parts import attention, feed_forward, joint_attention
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

DOUBLE: Plan = {
    **joint_attention("transformer_blocks.*.attn"),
    **feed_forward("transformer_blocks.*.{ff,ff_context}"),
}
SINGLE: Plan = {
    "single_transformer_blocks.*.{attn.to_q,attn.to_k,attn.to_v,proj_mlp}": "colwise",
    "single_transformer_blocks.*.proj_out": packed_rowwise("attn.inner_dim", REST),  # attn | mlp
}
REFINER: Plan = {
    **attention("context_embedder.token_refiner.refiner_blocks.*.attn"),
    **feed_forward("context_embedder.token_refiner.refiner_blocks.*.ff"),
}
HEADS = ("transformer_blocks.*.attn.heads",)
SINGLE_HEADS = ("single_transformer_blocks.*.attn.heads",)
REFINER_HEADS = ("context_embedder.token_refiner.refiner_blocks.*.attn.heads",)


@TensorParallelismPlannerRegister.register(
    "HunyuanVideoTransformer3DModel",
    "HunyuanVideoFramepackTransformer3DModel",
    "HunyuanImageTransformer2DModel",
)
class HunyuanVideoTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {**DOUBLE, **SINGLE, **REFINER}
    divide = (*HEADS, *SINGLE_HEADS, *REFINER_HEADS)


@TensorParallelismPlannerRegister.register("HunyuanVideo15Transformer3DModel")
class HunyuanVideo15TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {**DOUBLE, **REFINER}
    divide = (*HEADS, *REFINER_HEADS)


@TensorParallelismPlannerRegister.register("MotifVideo")
class MotifVideoTensorParallelismPlanner(TensorParallelismPlanner):
    """The cross-attention of a single block begins and ends with a rank's part of the width."""

    plan: ClassVar[Plan] = {
        **DOUBLE,
        **SINGLE,
        **attention("transformer_blocks.*.cross_attn?"),
        "single_transformer_blocks.*.cross_attn?.to_q": "rowwise",
        "single_transformer_blocks.*.cross_attn?.to_out.0": "colwise",
    }
    divide = (*HEADS, *SINGLE_HEADS, "transformer_blocks.*.cross_attn?.heads")


@TensorParallelismPlannerRegister.register("HunyuanDiT2DModel")
class HunyuanDiTTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("blocks.*.{attn1,attn2}"),
        **feed_forward("blocks.*.ff"),
    }
    divide = ("blocks.*.{attn1,attn2}.heads",)
