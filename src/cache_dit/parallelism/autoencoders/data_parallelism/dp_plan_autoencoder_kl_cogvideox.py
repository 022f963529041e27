"""Autoencoders of videos that hand features on from one time section of a tile to the next."""

from __future__ import annotations

from typing import ClassVar

from ...tile_plan import TilePlan
from .dp_plan_registers import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
)


@AutoEncoderDataParallelismPlannerRegister.register("AutoencoderKLCogVideoX", "AutoencoderKLMochi")
class AutoencoderKLCogVideoXDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """Encoder and decoder return the features for their next call."""

    plan: ClassVar[TilePlan] = TilePlan(carries="conv_cache")
