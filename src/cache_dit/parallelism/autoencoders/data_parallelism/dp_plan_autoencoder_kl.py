"""Autoencoders that compute a tile with one call of their encoder or decoder."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...config import ParallelismConfig
from ...tile_parallel import TileParallel
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


@AutoEncoderDataParallelismPlannerRegister.register(
    "AutoencoderKLLTX2Video", "AutoencoderKLLTXVideo"
)
class AutoencoderKLLTXVideoDataParallelismPlanner(AutoEncoderDataParallelismPlanner):
    """Refuses the configurations whose decoder is random."""

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> TileParallel:
        """The autoencoder's tiles over all ranks of a sample.

        Raises:
            ValueError: each tile draws noise.
        """
        if any(getattr(getattr(module, "config", None), "decoder_inject_noise", ())):
            raise ValueError(
                f"{type(module).__name__}: its decoder draws noise for every tile "
                "(decoder_inject_noise), and ranks cannot draw what one process would. Take it out "
                "of extra_parallel_modules."
            )
        return super().prepare(module, config)
