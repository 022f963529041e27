"""CogVideoX, CogView and models built like them."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...tensor_plan import Plan, packed_colwise
from .tp_parts import attention, feed_forward, joint_attention
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

BLOCKS: Plan = {
    **attention("transformer_blocks.*.attn1"),
    **feed_forward("transformer_blocks.*.ff"),
}
HEADS = ("transformer_blocks.*.attn1.heads",)


@TensorParallelismPlannerRegister.register(
    "CogVideoXTransformer3DModel",
    "CogView3PlusTransformer2DModel",
    "CogView4Transformer2DModel",
    "GlmImageTransformer2DModel",
)
class CogVideoXTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = BLOCKS
    divide = HEADS


@TensorParallelismPlannerRegister.register("ConsisIDTransformer3DModel")
class ConsisIDTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **BLOCKS,
        "perceiver_cross_attention.*.to_q": "colwise",
        "perceiver_cross_attention.*.to_kv": packed_colwise(1, 1),
        "perceiver_cross_attention.*.to_out": "rowwise",
    }
    divide = (*HEADS, "perceiver_cross_attention.*.heads")


@TensorParallelismPlannerRegister.register("EasyAnimateTransformer3DModel")
class EasyAnimateTensorParallelismPlanner(TensorParallelismPlanner):
    """Attention without layers of its own for the text hands that text on as it is."""

    def plans(self, module: nn.Module) -> Plan:
        """Attention is shared out in the blocks that have such layers."""
        return {
            **joint_attention(f"transformer_blocks.{joint_blocks(module)}.attn1"),
            **feed_forward("transformer_blocks.*.{ff,txt_ff?}"),
        }

    def divided(self, module: nn.Module) -> tuple[str, ...]:
        """The heads of these blocks."""
        return (f"transformer_blocks.{joint_blocks(module)}.attn1.heads",)


def joint_blocks(module: nn.Module) -> str:
    """The numbers of the blocks whose attention has layers of its own for the text."""
    blocks = module.get_submodule("transformer_blocks").named_children()
    own = [name for name, block in blocks if getattr(block.attn1, "to_add_out", None) is not None]
    return f"{{{','.join(own)}}}"
