"""Qwen-Image: text and image are split, and attend together."""

from __future__ import annotations

from importlib.metadata import version
from typing import ClassVar

from packaging.version import Version
from torch import nn

from ....intercept import parameter_names
from ...context_plan import Plan, attention, gather, heads, on_heads, split, whole
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"


@ContextParallelismPlannerRegister.register("QwenImageTransformer2DModel")
class QwenImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": [split(0, of=IMAGE), split(0, of=TEXT)],
            "encoder_hidden_states_mask": split(1, of=TEXT),
            "modulate_index": split(1, of=IMAGE),
        },
        "transformer_blocks.*.attn": attention(TEXT, IMAGE),
        "": {"controlnet_block_samples": split(1, name="residuals")},
        "proj_out": gather(1),
    }


@ContextParallelismPlannerRegister.register("QwenImage21")
class QwenImage21ContextParallelismPlanner(ContextParallelismPlanner):
    """Text and image are one sequence, and every part of it attends to what is before."""

    attn = "transformer_blocks.*.attn"
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1)},
        "transformer_blocks.*": {"target_token_mask": split(0, of=IMAGE)},
        **on_heads(attn, "to_q", "to_k", "to_v", each="norm_q.weight"),
        "transformer_blocks.-1": gather(1),
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Before diffusers 0.42 the attention goes by how many heads there are."""
        counts = Version(version("diffusers")) < Version("0.42")
        return [{**self.plan, self.attn: heads()}] if counts else [self.plan]


@ContextParallelismPlannerRegister.register("NucleusMoEImage")
class NucleusMoEImageContextParallelismPlanner(ContextParallelismPlanner):
    """Its experts choose among all tokens."""

    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {IMAGE: split(1)},
        "transformer_blocks.*": {
            TEXT: split(1),
            "image_rotary_emb": [split(0, of=IMAGE), split(0, of=TEXT)],
        },
        "transformer_blocks.*.attn": attention(IMAGE, keys=(IMAGE, TEXT)),
        "proj_out": gather(1),
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Some blocks have experts."""
        experts = whole(IMAGE, hidden_states=1, hidden_states_unmodulated=1)
        names = [
            f"transformer_blocks.{index}.img_mlp"
            for index, block in enumerate(
                transformer.get_submodule("transformer_blocks").children()
            )
            if "hidden_states_unmodulated" in parameter_names(block.get_submodule("img_mlp"))
        ]
        return [self.plan, dict.fromkeys(names, experts)]
