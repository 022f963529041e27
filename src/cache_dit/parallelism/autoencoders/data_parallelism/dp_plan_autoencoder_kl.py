"""Autoencoders that compute a tile with one call of their encoder or decoder."""

from __future__ import annotations

from typing import ClassVar

from ...tile_plan import TilePlan
from .dp_plan_registers import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
)


@AutoEncoderDataParallelismPlannerRegister.register(
    "AutoencoderDC",
    "AutoencoderKL",
    "AutoencoderKLAllegro",
    "AutoencoderKLFlux2",
    "AutoencoderKLHunyuanImage",
    "AutoencoderKLHunyuanImageRefiner",
    "AutoencoderKLHunyuanVideo",
    "AutoencoderKLHunyuanVideo15",
    "AutoencoderKLKVAE",
    "AutoencoderKLLTX2Video",
    "AutoencoderKLLTXVideo",
    "AutoencoderOobleck",
    "AutoencoderTiny",
    "ConsistencyDecoderVAE",
)
class AutoencoderKLDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """The default: a tile is one call, within one of the usual tiled methods."""


@AutoEncoderDataParallelismPlannerRegister.register("AutoencoderKLMiniMaxH3")
class AutoencoderKLMiniMaxH3DataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """Its tiles are within clips, which do not depend on each other either."""

    plan: ClassVar[TilePlan] = TilePlan(methods=("_encode", "_decode"))
