"""BERT, which reads the prompts of HunyuanDiT."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, Shared
from .tp_plan_registers import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)


@TextEncoderTensorParallelismPlannerRegister.register("BertModel")
class BertTensorParallelismPlanner(TextEncoderTensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "embeddings.word_embeddings": "embedding_colwise",
        "encoder.layer.*.attention.self.{query,key,value}": "colwise",
        "encoder.layer.*.attention.output.dense": "rowwise",
        "encoder.layer.*.intermediate.dense": "colwise",
        "encoder.layer.*.output.dense": "rowwise",
    }
    divide: ClassVar[tuple[str | Shared, ...]] = (
        "encoder.layer.*.attention.self.{num_attention_heads,all_head_size}",
    )
