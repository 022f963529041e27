"""The register of plans for autoencoders: what computes a tile, and what begins one."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...config import ParallelismConfig
from ...planner import Planner, PlannerRegister
from ...tile_parallel import TileParallel
from ...tile_plan import TilePlan
from .dp_not_tiled import NOT_TILED


class AutoEncoderDataParallelismPlanner(Planner):
    """Base of all plans for autoencoders. A subclass is usually a `TilePlan` with a name."""

    plan: ClassVar[TilePlan] = TilePlan()

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> TileParallel:
        """The autoencoder's tiles over all ranks of a sample, whatever axes the config has."""
        return TileParallel(module, self.users_plan(module, config) or self.plan, config)


class AutoEncoderDataParallelismPlannerRegister(
    PlannerRegister,
    kind="data-parallel planner",
    builtins="cache_dit.parallelism.autoencoders.data_parallelism",
    refused=NOT_TILED,
    whole_names=True,
):
    """Planners by the name of the autoencoder's class, or of one that it is derived from.

    Not by prefix: what the name of an autoencoder begins with does not say how its tiles are made.
    """


AutoEncoderDateParallelismPlanner = AutoEncoderDataParallelismPlanner
AutoEncoderDateParallelismPlannerRegister = AutoEncoderDataParallelismPlannerRegister
