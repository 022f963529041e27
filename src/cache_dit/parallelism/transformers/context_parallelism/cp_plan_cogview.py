"""CogVideoX, CogView and models built like them: text and image attend together."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"


@ContextParallelismPlannerRegister.register("CogVideoX", "ConsisID")
class CogVideoXContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": split(0, of=IMAGE),
        },
        "transformer_blocks.*.attn1": attention(TEXT, IMAGE),
        "transformer_blocks.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("CogView3Plus")
class CogView3PlusContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*.attn1": attention(TEXT, IMAGE),
        "transformer_blocks.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("CogView4")
class CogView4ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": split(0, of=IMAGE),
        },
        "transformer_blocks.*.attn1": attention(TEXT, IMAGE),
        "transformer_blocks.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("GlmImage")
class GlmImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": split(0, of=IMAGE),
        },
        "transformer_blocks.*.attn1": attention(TEXT, IMAGE, cached="kv_cache"),
        "transformer_blocks.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("EasyAnimate")
class EasyAnimateContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": split(0, of=IMAGE),
        },
        "transformer_blocks.*.attn1": attention(TEXT, IMAGE),
        "transformer_blocks.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("JoyImageEdit")
class JoyImageEditContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "double_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "double_blocks.*": {
            "image_rotary_emb": [
                split(0, of=IMAGE),
                split(0, of=TEXT),
            ],
        },
        "double_blocks.*.attn": attention(IMAGE, TEXT),
        "double_blocks.-1": [gather(1), gather(1, TEXT)],
    }


@ContextParallelismPlannerRegister.register("JoyImageEditPlus")
class JoyImageEditPlusContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "double_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "double_blocks.*": {
            "image_rotary_emb": split(1, of=IMAGE),
        },
        "double_blocks.*.attn": attention(IMAGE, TEXT),
        "double_blocks.-1": [gather(1), gather(1, TEXT)],
    }
