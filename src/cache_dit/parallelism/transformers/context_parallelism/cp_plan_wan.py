"""Wan and models built like it: the video attends to itself, and to the whole text."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import (
    Plan,
    attention,
    blocks,
    gather,
    heads,
    on_heads,
    own_heads,
    split,
    whole,
)
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

VIDEO = "hidden_states"
BLOCKS = blocks(
    "blocks",
    "attn1",
    rotary_emb=1,
    temb=split(1, of=VIDEO, expected_dims=4),  # a time for each token
)


@ContextParallelismPlannerRegister.register("WanTransformer3DModel", "ChronoEdit")
class WanContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = BLOCKS


@ContextParallelismPlannerRegister.register("WanVACE")
class WanVACEContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **BLOCKS,
        "vace_blocks.0": {"control_hidden_states": split(1)},
        "vace_blocks.*": {VIDEO: split(1), "rotary_emb": split(1, of=VIDEO)},
        "vace_blocks.*.attn1": attention(VIDEO),
    }


@ContextParallelismPlannerRegister.register("WanAnimateTransformer")
class WanAnimateContextParallelismPlanner(ContextParallelismPlanner):
    """The face attends to whole frames."""

    plan: ClassVar[Plan] = {
        **BLOCKS,
        "face_adapter.*": whole(VIDEO, hidden_states=1),
    }


@ContextParallelismPlannerRegister.register("SkyReelsV2")
class SkyReelsV2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks(
        "blocks",
        "attn1",
        rotary_emb=1,
        temb=split(2, of=VIDEO, expected_dims=4),  # a time for each frame
    )


@ContextParallelismPlannerRegister.register("AnyFlowTransformer")
class AnyFlowContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("blocks", "attn1", rotary_emb=2, temb=1)


@ContextParallelismPlannerRegister.register("AnyFlowFAR")
class AnyFlowFARContextParallelismPlanner(ContextParallelismPlanner):
    """Its mask and its cache of keys are for the whole sequence: each rank has some heads of it."""

    plan: ClassVar[Plan] = {
        "blocks.0": {VIDEO: split(1)},
        "blocks.*": {"temb": split(1, of=VIDEO)},
        **on_heads("blocks.*.attn1", "norm_q", "norm_k", "to_v"),
        "blocks.*.attn1": (heads(), {"kv_cache": own_heads(2)}),
        "blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("WanAnimate2")
class WanAnimate2ContextParallelismPlanner(ContextParallelismPlanner):
    """It packs video and reference together, for a mask over both."""

    plan: ClassVar[Plan] = {
        "blocks.0": {VIDEO: split(1)},
        **on_heads("blocks.*.self_attn", "norm_q", "norm_k", "to_v"),
        "blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("Helios")
class HeliosContextParallelismPlanner(ContextParallelismPlanner):
    """History and video are told apart between attention and feed-forward."""

    plan: ClassVar[Plan] = {
        "blocks.*.attn1": (
            {VIDEO: split(1), "rotary_emb": split(1, of=VIDEO)},
            attention(VIDEO),
            gather(1),
        ),
        "blocks.*.attn2": ({VIDEO: split(1)}, gather(1)),
        "blocks.*.ffn": ({VIDEO: split(1)}, gather(1)),
    }
