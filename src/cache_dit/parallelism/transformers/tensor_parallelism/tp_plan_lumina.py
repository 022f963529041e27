"""Lumina and single-stream models: Z-Image, OmniGen, PRX, Krea, Ernie-Image, Ideogram."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, kv_colwise, kv_heads, kv_norm, packed_colwise
from .tp_parts import attention, feed_forward, gated_feed_forward
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister


@TensorParallelismPlannerRegister.register("LuminaNextDiT2DModel")
class LuminaNextTensorParallelismPlanner(TensorParallelismPlanner):
    """Norms go over all heads, and a gate for each head mixes the two attentions."""

    plan: ClassVar[Plan] = {
        "layers.*.{attn1,attn2}.to_q": "colwise",
        "layers.*.{attn1,attn2}.norm_q": "norm",
        "layers.*.{attn1,attn2}.{to_k,to_v}": kv_colwise("num_kv_heads"),
        "layers.*.{attn1,attn2}.norm_k": kv_norm("num_kv_heads"),
        "layers.*.gate": "shard",
        "layers.*.attn2.to_out.0": "rowwise",
        **feed_forward("layers.*.feed_forward", into="linear_1,linear_3", out="linear_2"),
    }
    divide = ("layers.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register("Lumina2Transformer2DModel")
class Lumina2TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "{noise_refiner,context_refiner,layers}.*.attn.to_q": "colwise",
        "{noise_refiner,context_refiner,layers}.*.attn.{to_k,to_v}": kv_colwise("num_kv_heads"),
        "{noise_refiner,context_refiner,layers}.*.attn.to_out.0": "rowwise",
        **feed_forward(
            "{noise_refiner,context_refiner,layers}.*.feed_forward",
            into="linear_1,linear_3",
            out="linear_2",
        ),
    }
    divide = ("{noise_refiner,context_refiner,layers}.*.attn.heads",)


@TensorParallelismPlannerRegister.register("ZImageTransformer2DModel")
class ZImageTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("{noise_refiner,context_refiner,siglip_refiner?,layers}.*.attention"),
        **feed_forward(
            "{noise_refiner,context_refiner,siglip_refiner?,layers}.*.feed_forward",
            into="w1,w3",
            out="w2",
        ),
    }
    divide = ("{noise_refiner,context_refiner,siglip_refiner?,layers}.*.attention.heads",)


@TensorParallelismPlannerRegister.register("BriaFibo2Transformer2DModel")
class BriaFibo2TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("{noise_refiner,layers}.*.{attention,cross_attention?}"),
        **attention("perceiver.layers.*.{cross_attention,self_attention}"),
        **feed_forward("{noise_refiner,layers}.*.feed_forward", into="w1,w3", out="w2"),
        **feed_forward("perceiver.layers.*.ffn", into="w1,w3", out="w2"),
    }
    divide = (
        "{noise_refiner,layers}.*.{attention,cross_attention?}.heads",
        "perceiver.layers.*.{cross_attention,self_attention}.heads",
    )


@TensorParallelismPlannerRegister.register("OmniGenTransformer2DModel")
class OmniGenTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.*.self_attn.to_q": "colwise",
        "layers.*.self_attn.{to_k,to_v}": kv_colwise("num_key_value_heads"),
        "layers.*.self_attn.to_out.0": "rowwise",
        **gated_feed_forward("layers.*.mlp", into="gate_up_proj", out="down_proj"),
    }
    divide = ("layers.*.self_attn.{heads,out_dim}",)


@TensorParallelismPlannerRegister.register("PRXTransformer2DModel")
class PRXTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        "blocks.*.attention.img_qkv_proj": packed_colwise(1, 1, 1),
        "blocks.*.attention.txt_kv_proj": packed_colwise(1, 1),
        "blocks.*.attention.to_out.0": "rowwise",
        **feed_forward("blocks.*", into="gate_proj,up_proj", out="down_proj"),
    }
    divide = ("blocks.*.attention.heads",)


@TensorParallelismPlannerRegister.register("Krea2Transformer2DModel")
class Krea2TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        f"{blocks}.*.{layer}": style
        for blocks in ("transformer_blocks", "text_fusion.{layerwise_blocks,refiner_blocks}")
        for layer, style in {
            "attn.{to_q,to_gate}": "colwise",
            "attn.{to_k,to_v}": kv_colwise("num_kv_heads"),
            "attn.to_out.0": "rowwise",
            "ff.{gate,up}": "colwise",
            "ff.down": "rowwise",
        }.items()
    }
    divide = (
        "{transformer_blocks,text_fusion.layerwise_blocks,text_fusion.refiner_blocks}"
        ".*.attn.num_heads",
        kv_heads(
            "{transformer_blocks,text_fusion.layerwise_blocks,text_fusion.refiner_blocks}"
            ".*.attn.num_kv_heads"
        ),
    )


@TensorParallelismPlannerRegister.register("ErnieImageTransformer2DModel")
class ErnieImageTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("layers.*.self_attention"),
        **feed_forward("layers.*.mlp", into="gate_proj,up_proj", out="linear_fc2"),
    }
    divide = ("layers.*.self_attention.heads",)


@TensorParallelismPlannerRegister.register("Ideogram4Transformer2DModel")
class Ideogram4TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("layers.*.attention"),
        **feed_forward("layers.*.feed_forward", into="w1,w3", out="w2"),
    }
    divide = ("layers.*.attention.num_heads",)
