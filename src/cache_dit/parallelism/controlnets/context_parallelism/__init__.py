"""Context parallelism of ControlNets. A model is one plan, and one line in `cp_planners`."""

from __future__ import annotations

from . import cp_planners
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)

__all__ = [
    "ControlNetContextParallelismPlanner",
    "ControlNetContextParallelismPlannerRegister",
    "cp_planners",
]
