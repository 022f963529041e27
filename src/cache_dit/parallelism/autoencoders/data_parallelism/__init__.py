"""Data parallelism of autoencoders by tiles. A kind of them is a few words, and one line."""

from __future__ import annotations

from . import dp_planners
from .dp_plan_registers import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
    AutoEncoderDateParallelismPlanner,
    AutoEncoderDateParallelismPlannerRegister,
)

__all__ = [
    "AutoEncoderDataParallelismPlanner",
    "AutoEncoderDataParallelismPlannerRegister",
    "AutoEncoderDateParallelismPlanner",
    "AutoEncoderDateParallelismPlannerRegister",
    "dp_planners",
]
