"""The ControlNet of Sana, whose picture is split by rows as that of its transformer is."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...context_plan import Plan, count, gather, measure, neighbours, split
from ...transformers.context_parallelism.cp_plan_sana import config_of, state_of_all
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)


@ControlNetContextParallelismPlannerRegister.register("SanaControlNet")
class SanaControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1, along="rows")},
        "transformer_blocks.*": {"height": count("rows")},
        "transformer_blocks.*.ff.conv_depth": neighbours("rows", 1, input=2, output=2),
        "controlnet_blocks.*": gather(1),
    }

    def plans(self, controlnet: nn.Module) -> list[Plan]:
        """A row is one of patches."""
        rows = measure(2, "rows", every=config_of(controlnet).patch_size)
        return [self.plan, {"": {"hidden_states": rows}}, state_of_all(controlnet)]
