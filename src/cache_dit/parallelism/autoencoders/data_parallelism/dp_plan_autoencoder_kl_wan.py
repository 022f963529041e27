"""Autoencoders for video that compute a tile in time sections, with a cache of features."""

from __future__ import annotations

from typing import ClassVar

from ...tile_plan import TilePlan
from .dp_plan_registers import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
)


@AutoEncoderDataParallelismPlannerRegister.register(
    "AutoencoderKLWan", "AutoencoderKLQwenImage", "AutoencoderKLQwenImage21"
)
class AutoencoderKLWanDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """Features are kept on the autoencoder, until the next tile clears them."""

    plan: ClassVar[TilePlan] = TilePlan(opens="clear_cache")
