"""T5 and UMT5: the bias for distances between words belongs to the heads."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, Shared
from .tp_plan_registers import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)


@TextEncoderTensorParallelismPlannerRegister.register("T5EncoderModel", "UMT5EncoderModel")
class T5EncoderTensorParallelismPlanner(TextEncoderTensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "{shared,encoder.embed_tokens}": "embedding_colwise",
        "encoder.block.*.layer.0.SelfAttention.{q,k,v,relative_attention_bias}": "colwise",
        "encoder.block.*.layer.0.SelfAttention.o": "rowwise",
        "encoder.block.*.layer.1.DenseReluDense.{wi,wi_0,wi_1}?": "colwise",
        "encoder.block.*.layer.1.DenseReluDense.wo": "rowwise",
    }
    divide: ClassVar[tuple[str | Shared, ...]] = (
        "encoder.block.*.layer.0.SelfAttention.{n_heads,inner_dim}",
    )
