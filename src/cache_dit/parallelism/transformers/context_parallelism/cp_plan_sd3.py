"""Stable Diffusion 3: text and image attend together; 3.5 medium's image also on its own."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

IMAGE, TEXT, PICTURE = "hidden_states", "encoder_hidden_states", "ip_hidden_states"
WITH_PICTURE = attention(IMAGE, keys=(IMAGE, PICTURE))
"""What an IP-Adapter calls after the attention of a block, and only then."""


@ContextParallelismPlannerRegister.register("SD3Transformer2DModel")
class SD3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*.attn": (attention(IMAGE, TEXT), WITH_PICTURE),
        "": {"block_controlnet_hidden_states": split(1, name="residuals")},
        "proj_out": gather(1),
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Some blocks have a second attention, over the image; an IP-Adapter sees a picture."""
        names = [name for name, _ in transformer.named_modules() if name.endswith(".attn2")]
        twice = dict.fromkeys(names, (attention(IMAGE), WITH_PICTURE))
        seen = [name for name, _ in transformer.named_children() if name == "image_proj"]
        return [self.plan, twice, dict.fromkeys(seen, split(1, name=PICTURE))]
