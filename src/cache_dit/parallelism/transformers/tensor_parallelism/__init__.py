"""Tensor parallelism of transformers. A model is one table, and one line in `tp_planners`."""

from __future__ import annotations

from . import tp_planners
from .tp_plan_registers import TensorParallelismPlanner, TensorParallelismPlannerRegister

__all__ = ["TensorParallelismPlanner", "TensorParallelismPlannerRegister", "tp_planners"]
