"""Autoencoders of videos that keep features from one time section of a tile to the next."""

from __future__ import annotations

from typing import ClassVar

from ...tile_plan import TilePlan
from .dp_plan_registers import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
)


@AutoEncoderDataParallelismPlannerRegister.register(
    "AutoencoderKLQwenImage", "AutoencoderKLQwenImage21", "AutoencoderKLWan"
)
class AutoencoderKLWanDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """The features are kept in lists, which are made anew for each tile."""

    plan: ClassVar[TilePlan] = TilePlan(opens="clear_cache")


@AutoEncoderDataParallelismPlannerRegister.register("AutoencoderKLMagvit")
class AutoencoderKLMagvitDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """The features are kept by the convolutions, which forget them between two tiles."""

    plan: ClassVar[TilePlan] = TilePlan(opens="_clear_conv_cache")


@AutoEncoderDataParallelismPlannerRegister.register("AutoencoderVidTok")
class AutoencoderVidTokDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """The features are kept by the convolutions, which are told whether a section is the first."""

    plan: ClassVar[TilePlan] = TilePlan(opens="_set_first_chunk")
