"""CogVideoX, CogView and models built like them: text and image attend together."""

from __future__ import annotations

from typing import Any, ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"
ROTARY = {"image_rotary_emb": split(0, of=IMAGE)}
BOTH_ROTARY = {"image_rotary_emb": [split(0, of=IMAGE), split(0, of=TEXT)]}


def joint(blocks: str, attends: str, follows: dict[str, Any]) -> dict[str, Any]:
    """The plan of blocks that image and text go through, and in which they attend together."""
    return {
        f"{blocks}.0": {IMAGE: split(1), TEXT: split(1)},
        f"{blocks}.*": follows,
        f"{blocks}.*.{attends}": attention(TEXT, IMAGE),
        f"{blocks}.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("CogVideoX", "ConsisID")
class CogVideoXContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = joint("transformer_blocks", "attn1", ROTARY)


@ContextParallelismPlannerRegister.register("CogView3Plus")
class CogView3PlusContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = joint("transformer_blocks", "attn1", {})


@ContextParallelismPlannerRegister.register("CogView4")
class CogView4ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = joint("transformer_blocks", "attn1", ROTARY)


@ContextParallelismPlannerRegister.register("GlmImage")
class GlmImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint("transformer_blocks", "attn1", ROTARY),
        "transformer_blocks.*.attn1": attention(TEXT, IMAGE, cached="kv_cache"),
    }


@ContextParallelismPlannerRegister.register("EasyAnimate")
class EasyAnimateContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = joint("transformer_blocks", "attn1", ROTARY)


@ContextParallelismPlannerRegister.register("JoyImageEdit")
class JoyImageEditContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint("double_blocks", "attn", BOTH_ROTARY),
        "double_blocks.*.attn": attention(IMAGE, TEXT),
    }


@ContextParallelismPlannerRegister.register("JoyImageEditPlus")
class JoyImageEditPlusContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **joint("double_blocks", "attn", {"image_rotary_emb": split(1, of=IMAGE)}),
        "double_blocks.*.attn": attention(IMAGE, TEXT),
    }
