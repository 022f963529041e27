"""Models with text and image in one sequence: Lumina, Z-Image, OmniGen, Krea, Ernie, ..."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, blocks, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("LuminaNextDiT")
class LuminaNextContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("layers", "attn1", image_rotary_emb=1)


@ContextParallelismPlannerRegister.register("Lumina2")
class Lumina2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("layers", "attn", image_rotary_emb=1)


@ContextParallelismPlannerRegister.register("ZImageTransformer")
class ZImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **blocks("layers", "attention", stream="x", freqs_cis=1, noise_mask=1),
        "": {"controlnet_block_samples": split(1, name="residuals")},
    }


@ContextParallelismPlannerRegister.register("OmniGen")
class OmniGenContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("layers", "self_attn", image_rotary_emb=0)


@ContextParallelismPlannerRegister.register("Krea2")
class Krea2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("transformer_blocks", "attn", image_rotary_emb=0)


@ContextParallelismPlannerRegister.register("ErnieImage")
class ErnieImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks(
        "layers", "self_attention", stream="x", dim=0, rotary_pos_emb=1, temb=0
    )


@ContextParallelismPlannerRegister.register("Ideogram4")
class Ideogram4ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("layers", "attention", image_rotary_emb=1)


@ContextParallelismPlannerRegister.register("BriaFibo2")
class BriaFibo2ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("layers", "attention", stream="x", freqs_cis=1, noise_mask=1)


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
