"""LTX-Video: norms and rotary embeddings go over the width of all heads."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...tensor_plan import Plan, part_of
from .tp_parts import attention, feed_forward
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

NORM = "norm_q,norm_k"
GATED = "to_q,to_k,to_v,to_gate_logits?"
SOUND = "{attn1,audio_attn1,attn2,audio_attn2,audio_to_video_attn,video_to_audio_attn}"


@TensorParallelismPlannerRegister.register("LTXVideoTransformer3DModel")
class LTXTensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[Plan] = {
        **attention("transformer_blocks.*.{attn1,attn2}", norm=NORM),
        **feed_forward("transformer_blocks.*.ff"),
        "transformer_blocks.*.attn1": part_of(image_rotary_emb=-1),
    }
    divide = ("transformer_blocks.*.{attn1,attn2}.heads",)


@TensorParallelismPlannerRegister.register("LTX2VideoTransformer3DModel", "SanaWMLTX2Refiner")
class LTX2TensorParallelismPlanner(TensorParallelismPlanner):
    divide = (f"transformer_blocks.*.{SOUND}.heads",)

    def plans(self, module: nn.Module) -> Plan:
        """Rotary embeddings are for the whole width, or for each head apart."""
        dim = 1 if getattr(module.config, "rope_type", "") == "split" else -1
        return {
            **attention(f"transformer_blocks.*.{SOUND}", into=GATED, norm=NORM),
            **feed_forward("transformer_blocks.*.{ff,audio_ff}"),
            f"transformer_blocks.*.{SOUND}": part_of(
                query_rotary_emb=dim, key_rotary_emb=dim, sink_rotary_emb=dim
            ),
        }
