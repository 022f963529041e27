"""Tensor parallelism of text encoders. A model is one table, or what transformers brings along."""

from __future__ import annotations

from . import tp_planners
from .tp_plan_registers import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)

__all__ = [
    "TextEncoderTensorParallelismPlanner",
    "TextEncoderTensorParallelismPlannerRegister",
    "tp_planners",
]
