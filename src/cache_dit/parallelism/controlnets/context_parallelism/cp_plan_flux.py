"""The ControlNet of FLUX.1: double-stream blocks, single-stream blocks, or both."""

from __future__ import annotations

from torch import nn

from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)

JOINT = ("encoder_hidden_states", "hidden_states")
LISTS = {
    "transformer_blocks": "controlnet_blocks",
    "single_transformer_blocks": "controlnet_single_blocks",
}


@ControlNetContextParallelismPlannerRegister.register("FluxControlNet", "FluxMultiControlNet")
class FluxControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    """Split after the embedders, which may add a token for the kind of control."""

    def plans(self, controlnet: nn.Module) -> list[Plan]:
        """Either list of blocks may be empty."""
        lists = [name for name in LISTS if list(controlnet.get_submodule(name).children())]
        plans: list[Plan] = [{f"{lists[0]}.0": {name: split(1) for name in JOINT}}]
        for name in lists:
            plans.append(
                {
                    f"{name}.*": {"image_rotary_emb": split(0, of=JOINT)},
                    f"{name}.*.attn": attention(*JOINT),
                    f"{LISTS[name]}.*": gather(1),
                }
            )
        return plans
