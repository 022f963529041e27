"""Autoencoders that compute each tile with one call of their encoder or decoder."""

from __future__ import annotations

from .dp_plan_registers import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
)


@AutoEncoderDataParallelismPlannerRegister.register("AutoencoderKL", "AutoencoderKLFlux2")
class AutoencoderKLDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """The default: a tile is one call of the encoder or decoder."""
