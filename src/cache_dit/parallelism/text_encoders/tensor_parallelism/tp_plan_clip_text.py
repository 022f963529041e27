"""The text half of CLIP, whose layers are one level deeper in some classes and versions."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, Shared
from .tp_plan_registers import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)


@TextEncoderTensorParallelismPlannerRegister.register("CLIPTextModel")
class CLIPTextTensorParallelismPlanner(TextEncoderTensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "{text_model.,}embeddings.token_embedding?": "embedding_colwise",
        "{text_model.,}encoder.layers.*.self_attn.{q_proj,k_proj,v_proj}?": "colwise",
        "{text_model.,}encoder.layers.*.self_attn.out_proj?": "rowwise",
        "{text_model.,}encoder.layers.*.mlp.fc1?": "colwise",
        "{text_model.,}encoder.layers.*.mlp.fc2?": "rowwise",
    }
    divide: ClassVar[tuple[str | Shared, ...]] = (
        "{text_model.,}encoder.layers.*.self_attn.num_heads?",
    )
