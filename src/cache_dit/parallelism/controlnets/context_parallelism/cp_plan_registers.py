"""The register of context-parallel plans of ControlNets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from torch import nn

from ...config import ParallelismConfig
from ...context_parallel import ContextParallel
from ...context_plan import Plan
from ...mesh import Mesh
from ...planner import Planner, PlannerRegister


class ControlNetContextParallelismPlanner(Planner):
    """Base of all context-parallel plans of ControlNets. A subclass is usually a dict with a name.

    What a ControlNet gives to its transformer is gathered, so that neither has to know how the
    other one is spread; a model of several ControlNets is planned as each of them is.

    Attributes:
        plan: see `cache_dit.parallelism.context_plan`.
    """

    plan: ClassVar[Plan] = {}

    def plans(self, controlnet: nn.Module) -> list[Plan]:
        """What is done to one ControlNet; override it where that depends on its config."""
        return [self.plan]

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> ContextParallel:
        """The ControlNet's sequence over all ranks of a sample, those of "tp" among them."""
        mesh = Mesh.of(config)
        width = mesh.ulysses.size * mesh.tp.size
        spread = replace(config, ring_size=mesh.ring.size, ulysses_size=width, tp_size=1)
        own = self.users_plan(module, config)
        plans = [
            {f"{place}.{name}".strip("."): entry for name, entry in plan.items()}
            for place, net in _nets(module)
            for plan in self.plans(net)
        ]
        return ContextParallel(module, plans if own is None else [own], spread)


def _nets(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules of the ControlNets that this one is made of; itself, if of none."""
    several = getattr(module, "nets", None)
    if not isinstance(several, nn.ModuleList):
        yield "", module
        return
    for at, net in enumerate(several):
        yield f"nets.{at}", net


class ControlNetContextParallelismPlannerRegister(
    PlannerRegister,
    kind="context-parallel planner of ControlNets",
    builtins="cache_dit.parallelism.controlnets.context_parallelism",
):
    """Context-parallel planners by prefix of the ControlNet's class name; the longest wins."""
