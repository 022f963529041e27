"""Planners as users write them outside of the package, for every rank at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from cache_dit.parallelism import (
    ContextParallelismPlanner,
    ContextParallelismPlannerRegister,
    ParallelismConfig,
    TensorParallelismPlanner,
)
from cache_dit.parallelism.context_parallel import ContextParallel
from cache_dit.parallelism.plan_steps import Attention
from cache_dit.verify import zoo
from cache_dit.verify.outputs import difference


class OfDiffusers(ContextParallelismPlanner):
    """Returns a plan in diffusers' format, which says nothing about attention."""

    def apply(self, module: nn.Module, parallelism_config: Any = None, **kwargs: Any) -> Any:
        return module._cp_plan


class Unchanged(ContextParallelismPlanner):
    """Asks the class that it comes from first."""

    def apply(self, module: nn.Module, parallelism_config: Any, **kwargs: Any) -> Any:
        return super().apply(module, parallelism_config) or module._cp_plan


class ReturnsTheModule(TensorParallelismPlanner):
    """Returns no plan."""

    def apply(self, module: nn.Module, parallelism_config: Any, **kwargs: Any) -> Any:
        return module


def spread(planner: type[ContextParallelismPlanner], name: str) -> tuple[float, int]:
    """(error against one process, bytes sent) of a model of the zoo."""
    entry = zoo.get(name)
    model = entry.build(torch.float64)
    with torch.no_grad():
        expected = zoo.tensors(model(**entry.inputs(torch.float64)))
        parallel = planner().prepare(model, ParallelismConfig(ulysses_size=2))
        begun = parallel.bytes_sent
        parallel.install()
        output = zoo.tensors(model(**entry.inputs(torch.float64)))
        parallel.uninstall()
    return difference(output, expected), parallel.bytes_sent - begun


def backwards(name: str, config: dict[str, int], **changed: Any) -> float:
    """Error of a model in whose plan every attention names its streams in the wrong order."""
    entry = zoo.get(name)
    model, inputs = entry.build(torch.float64), {**entry.inputs(torch.float64), **changed}
    plans = [
        {place: _reversed(what) for place, what in plan.items()}
        for plan in ContextParallelismPlannerRegister.get_planner(name)().plans(model)
    ]
    with torch.no_grad():
        expected = zoo.tensors(model(**inputs))
        parallel = ContextParallel(model, plans, ParallelismConfig(**config))
        parallel.install()
        output = zoo.tensors(model(**inputs))
        parallel.uninstall()
    return difference(output, expected)


def _reversed(what: Any) -> Any:
    if not isinstance(what, Attention):
        return what
    assert len(what.query) == len(what.keys) == 2
    return replace(what, query=what.query[::-1], keys=what.keys[::-1])
