"""Context parallelism of transformers. A model is one plan, and one line in `cp_planners`."""

from __future__ import annotations

from . import cp_planners
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

__all__ = ["ContextParallelismPlanner", "ContextParallelismPlannerRegister", "cp_planners"]
