"""Models of sound and music."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, kv_colwise, kv_heads, packed_colwise
from .tp_parts import attention, feed_forward, gated_feed_forward
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister


@TensorParallelismPlannerRegister.register("AceStepTransformer1DModel")
class AceStepTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.*.{self_attn,cross_attn}.to_q": "colwise",
        "layers.*.{self_attn,cross_attn}.{to_k,to_v}": kv_colwise("kv_heads"),
        "layers.*.{self_attn,cross_attn}.to_out.0": "rowwise",
        **feed_forward("layers.*.mlp", into="gate_proj,up_proj", out="down_proj"),
    }
    divide = (
        "layers.*.{self_attn,cross_attn}.heads",
        kv_heads("layers.*.{self_attn,cross_attn}.kv_heads"),
    )


@TensorParallelismPlannerRegister.register("StableAudioDiTModel")
class StableAudioTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.attn1"),
        "transformer_blocks.*.attn2.to_q": "colwise",
        "transformer_blocks.*.attn2.{to_k,to_v}": kv_colwise("num_key_value_attention_heads"),
        "transformer_blocks.*.attn2.to_out.0": "rowwise",
        **gated_feed_forward("transformer_blocks.*.ff"),
    }
    divide = ("transformer_blocks.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register("StableAudio3DiTModel")
class StableAudio3TensorParallelismPlanner(TensorParallelismPlanner):
    """Queries and keys come in pairs, the second of which is subtracted."""

    plan: ClassVar[Plan] = {
        "transformer_blocks.*.self_attn.to_qkv": packed_colwise(1, 1, 1, 1, 1),
        "transformer_blocks.*.cross_attn.to_q": packed_colwise(1, 1),
        "transformer_blocks.*.cross_attn.to_kv": packed_colwise(1, 1, 1),
        "transformer_blocks.*.{self_attn,cross_attn}.to_out": "rowwise",
        **gated_feed_forward("transformer_blocks.*.ff", into="proj_in", out="proj_out"),
    }
    divide = ("transformer_blocks.*.{self_attn,cross_attn}.heads",)


@TensorParallelismPlannerRegister.register("LongCatAudioDiTTransformer")
class LongCatAudioTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("blocks.*.{self_attn,cross_attn}", norm="q_norm,k_norm"),
        **feed_forward("blocks.*.ffn", into="ff.0", out="ff.3"),
    }
    divide = ("blocks.*.{self_attn,cross_attn}.{heads,inner_dim}",)


@TensorParallelismPlannerRegister.register("MiniMaxMusic3Transformer1DModel")
class MiniMaxMusic3TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.attn"),
        **gated_feed_forward("transformer_blocks.*", into="ff_in", out="ff_out"),
    }
    divide = ("transformer_blocks.*.attn.heads",)


@TensorParallelismPlannerRegister.register("T5FilmDecoder")
class T5FilmTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("decoders.*.layer.{0,1}.attention"),
        **feed_forward("decoders.*.layer.2.DenseReluDense", into="wi_0,wi_1", out="wo"),
    }
    divide = ("decoders.*.layer.{0,1}.attention.heads",)
