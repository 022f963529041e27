"""Models made of diffusers' basic blocks, and Sana."""

from __future__ import annotations

from typing import ClassVar

from ...tensor_plan import Plan, packed_colwise
from .tp_parts import attention, feed_forward
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

CONVOLUTIONS: Plan = {
    "transformer_blocks.*.ff.{conv_inverted,conv_depth}": packed_colwise(1, 1),
    "transformer_blocks.*.ff.conv_point": "rowwise",
}


@TensorParallelismPlannerRegister.register(
    "AllegroTransformer3DModel",
    "DiTTransformer2DModel",
    "PixArtTransformer2DModel",
)
class PixArtTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.{attn1,attn2?}"),
        **feed_forward("transformer_blocks.*.ff"),
    }
    divide = ("transformer_blocks.*.{attn1,attn2?}.heads",)


@TensorParallelismPlannerRegister.register("PriorTransformer")
class PriorTensorParallelismPlanner(TensorParallelismPlanner):
    """Its feed-forward only: it makes a mask for as many heads as its config says."""

    plan: ClassVar[Plan] = feed_forward("transformer_blocks.*.ff")


@TensorParallelismPlannerRegister.register("LatteTransformer3DModel")
class LatteTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("{transformer_blocks,temporal_transformer_blocks}.*.{attn1,attn2?}"),
        **feed_forward("{transformer_blocks,temporal_transformer_blocks}.*.ff"),
    }
    divide = ("{transformer_blocks,temporal_transformer_blocks}.*.{attn1,attn2?}.heads",)


@TensorParallelismPlannerRegister.register("SanaTransformer2DModel")
class SanaTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.{attn1,attn2}", norm="norm_q?,norm_k?"),
        **CONVOLUTIONS,
    }
    divide = ("transformer_blocks.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register("SanaVideoTransformer3DModel")
class SanaVideoTensorParallelismPlanner(SanaTensorParallelismPlanner):
    """Its feed-forward convolves over time after the sum, which stays whole."""


@TensorParallelismPlannerRegister.register("SanaWMTransformer3DModel")
class SanaWMTensorParallelismPlanner(TensorParallelismPlanner):
    """Its feed-forward only: attention reshapes its layers' output to the width of its input."""

    plan: ClassVar[Plan] = {
        "blocks.*.mlp.{inverted_conv,depth_conv}.conv": packed_colwise(1, 1),
        "blocks.*.mlp.point_conv.conv": "rowwise",
    }
