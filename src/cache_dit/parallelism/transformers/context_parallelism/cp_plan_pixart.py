"""Models whose image attends to itself, and to the text in a cross-attention."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, blocks, gather, split, whole
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("DiTTransformer")
class DiTContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("transformer_blocks", "attn1")


@ContextParallelismPlannerRegister.register("PixArtTransformer")
class PixArtContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("transformer_blocks", "attn1")


@ContextParallelismPlannerRegister.register("HunyuanDiT2DModel")
class HunyuanDiTContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **blocks("blocks", "attn1", image_rotary_emb=0),
        "": {"controlnet_block_samples": split(1, name="residuals")},
    }


@ContextParallelismPlannerRegister.register("PriorTransformer")
class PriorContextParallelismPlanner(ContextParallelismPlanner):
    """Its attention pads masks to the length it sees, so that it has to see everything."""

    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1)},
        "transformer_blocks.*.attn1": whole("hidden_states", hidden_states=1),
        "transformer_blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("LatteTransformer")
class LatteContextParallelismPlanner(ContextParallelismPlanner):
    """Frames attend apart, then places do: what attends apart is shared out."""

    plan: ClassVar[Plan] = {
        "transformer_blocks.*": (
            {
                "hidden_states": split(0),
                "encoder_hidden_states": split(0, of="hidden_states"),
                "timestep": split(0, of="hidden_states"),
            },
            gather(0),
        ),
        "temporal_transformer_blocks.*": (
            {"hidden_states": split(0), "timestep": split(0, of="hidden_states")},
            gather(0),
        ),
    }
