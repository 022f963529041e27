"""Mochi, Cosmos and MiniMax-H3; proteins."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, kv_colwise, kv_heads, packed_colwise, part_of
from .tp_parts import attention, feed_forward, gated_feed_forward, joint_attention
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister


@TensorParallelismPlannerRegister.register("MochiTransformer3DModel")
class MochiTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint_attention("transformer_blocks.*.attn1"),
        "transformer_blocks.*.attn1": part_of(image_rotary_emb=-2),  # one for each head
        **gated_feed_forward("transformer_blocks.*.{ff,ff_context}"),
    }
    divide = ("transformer_blocks.*.attn1.heads",)


@TensorParallelismPlannerRegister.register("CosmosTransformer3DModel")
class CosmosTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.{attn1,attn2}"),
        "transformer_blocks.*.attn2.{q_img?,k_img?,v_img?}": "colwise",  # to a picture's tokens
        **feed_forward("transformer_blocks.*.ff"),
    }
    divide = ("transformer_blocks.*.{attn1,attn2}.heads", "transformer_blocks.*.attn2.out_dim")


@TensorParallelismPlannerRegister.register("Cosmos3OmniTransformer")
class Cosmos3OmniTensorParallelismPlanner(TensorParallelismPlanner):
    """Two towers with grouped queries."""

    plan: ClassVar[Plan] = {
        **attention(
            "layers.*.self_attn",
            into="to_q,add_q_proj",
            out="to_out,to_add_out",
        ),
        "layers.*.self_attn.{to_k,to_v,add_k_proj,add_v_proj}": kv_colwise("num_key_value_heads"),
        **feed_forward("layers.*.{mlp,mlp_moe_gen}", into="gate_proj,up_proj", out="down_proj"),
    }
    divide = (
        "layers.*.self_attn.num_attention_heads",
        kv_heads("layers.*.self_attn.num_key_value_heads"),
    )


@TensorParallelismPlannerRegister.register("MiniMaxH3Transformer3DModel")
class MiniMaxH3TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("{token_refiner.refiner_blocks,transformer_blocks}.*.attn"),
        **gated_feed_forward("{token_refiner.refiner_blocks,transformer_blocks}.*.ff"),
    }
    divide = ("{token_refiner.refiner_blocks,transformer_blocks}.*.attn.heads",)


@TensorParallelismPlannerRegister.register("RFD4ProteinaTransformer")
class RFD4ProteinaTensorParallelismPlanner(TensorParallelismPlanner):
    """Its feed-forward only: attention reshapes its output to the width of its input."""

    plan: ClassVar[Plan] = {
        "transformer_layers.*.transition.transition.swish_linear.0": packed_colwise(1, 1),
        "transformer_layers.*.transition.transition.linear_out": "rowwise",
    }
