"""Models with text and image in one sequence: Lumina, Z-Image, OmniGen, Krea, Ernie, ..."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("LuminaNextDiT")
class LuminaNextContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"hidden_states": split(1)},
        "layers.*": {
            "image_rotary_emb": split(1, of="hidden_states"),
        },
        "layers.*.attn1": attention("hidden_states"),
        "layers.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("Lumina2")
class Lumina2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"hidden_states": split(1)},
        "layers.*": {
            "image_rotary_emb": split(1, of="hidden_states"),
        },
        "layers.*.attn": attention("hidden_states"),
        "layers.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("ZImageTransformer")
class ZImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"x": split(1)},
        "layers.*": {"freqs_cis": split(1, of="x"), "noise_mask": split(1, of="x")},
        "layers.*.attention": attention("x"),
        "": {"controlnet_block_samples": split(1, name="residuals")},
        "layers.-1": gather(1, "x"),
    }


@ContextParallelismPlannerRegister.register("OmniGen")
class OmniGenContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"hidden_states": split(1)},
        "layers.*": {
            "image_rotary_emb": split(0, of="hidden_states"),
        },
        "layers.*.self_attn": attention("hidden_states"),
        "layers.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("Krea2")
class Krea2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": split(0, of="hidden_states"),
        },
        "transformer_blocks.*.attn": attention("hidden_states"),
        "transformer_blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("ErnieImage")
class ErnieImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"x": split(0)},
        "layers.*": {
            "rotary_pos_emb": split(1, of="x"),
            "temb": split(0, of="x"),
        },
        "layers.*.self_attention": attention("x"),
        "layers.-1": gather(0, "x"),
    }


@ContextParallelismPlannerRegister.register("Ideogram4")
class Ideogram4ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"hidden_states": split(1)},
        "layers.*": {
            "image_rotary_emb": split(1, of="hidden_states"),
        },
        "layers.*.attention": attention("hidden_states"),
        "layers.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("BriaFibo2")
class BriaFibo2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"x": split(1)},
        "layers.*": {
            "freqs_cis": split(1, of="x"),
            "noise_mask": split(1, of="x"),
        },
        "layers.*.attention": attention("x"),
        "layers.-1": gather(1, "x"),
    }


@ContextParallelismPlannerRegister.register("PRXTransformer")
class PRXContextParallelismPlanner(ContextParallelismPlanner):
    """Keys and values are those of the text, then those of the image."""

    plan: ClassVar[Plan] = {
        "blocks.0": {"hidden_states": split(1)},
        "blocks.*": {
            "encoder_hidden_states": split(1),
            "attention_mask": split(1, of="encoder_hidden_states"),
            "image_rotary_emb": split(2, of="hidden_states"),
        },
        "blocks.*.attention": attention(
            "hidden_states", keys=("encoder_hidden_states", "hidden_states")
        ),
        "blocks.-1": gather(1),
    }
