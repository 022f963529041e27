"""FLUX.3: every kind of token has blocks of its own before they all attend together."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

IMAGES = ("image", "image_cond")
EVERYTHING = ("text", *IMAGES)


def own_blocks(blocks: str, stream: str) -> Plan:
    """Blocks that one kind of token has for itself."""
    return {
        f"{blocks}.0": {"hidden_states": split(1, name=stream)},
        f"{blocks}.*": {
            "temb_mod": split(1, of=stream),
            "image_rotary_emb": split(0, of=stream),
        },
        f"{blocks}.*.attn": attention(stream),
    }


@ContextParallelismPlannerRegister.register("Flux3Transformer2DModel")
class Flux3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **own_blocks("txt_mode_blocks", "text"),
        **own_blocks("mode_blocks.image", "image"),
        "single_transformer_blocks.*": {
            "temb_mod": split(1, of=IMAGES),
            "temb_mod_context": split(1, of="text"),
            "image_rotary_emb": split(0, of=EVERYTHING),
        },
        "single_transformer_blocks.*.attn": attention(*EVERYTHING),
        "single_transformer_blocks.-1": [gather(1, "text"), gather(1, IMAGES)],
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Models for editing have blocks for the reference image as well."""
        edits = "image_cond" in dict(transformer.get_submodule("mode_blocks").named_children())
        reference = own_blocks("mode_blocks.image_cond", "image_cond")
        return [self.plan, reference] if edits else [self.plan]
