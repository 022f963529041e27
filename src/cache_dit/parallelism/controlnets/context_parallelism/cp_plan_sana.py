"""The ControlNet of Sana, whose picture is split by rows as that of its transformer is."""

from __future__ import annotations

from typing import Any, ClassVar

from ...context_plan import Plan, count, gather, measure, neighbours, split, sums
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)


@ControlNetContextParallelismPlannerRegister.register("SanaControlNet")
class SanaControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1, along="rows")},
        "transformer_blocks.*": {"height": count("rows")},
        "transformer_blocks.*.attn1": sums("matmul"),
        "transformer_blocks.*.ff.conv_depth": neighbours("rows", 1, input=2, output=2),
        "controlnet_blocks.*": gather(1),
    }

    def plans(self, controlnet: Any) -> list[Plan]:
        """A row is one of patches."""
        rows = measure(2, "rows", every=controlnet.config.patch_size)
        return [self.plan, {"": {"hidden_states": rows}}]
