"""The register of tensor-parallel plans: how the width of each model is shared out."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ...config import ParallelismConfig
from ...mesh import Mesh
from ...planner import Planner, PlannerRegister
from ...tensor_parallel import TensorParallel
from ...tensor_plan import Plan, Shared


class TensorParallelismPlanner(Planner):
    """Base of all tensor-parallel plans. A subclass is usually a table with a name.

    A subclass of a user may instead override `apply` to return a plan.

    Attributes:
        plan: see `cache_dit.parallelism.tensor_plan`; empty: what the model brings along
            (``_tp_plan``).
        divide: numbers that become smaller with the width, such as of heads.
        option: what the number of ranks is called in errors.
    """

    plan: ClassVar[Plan] = {}
    divide: ClassVar[tuple[str | Shared, ...]] = ()
    option: ClassVar[str] = "tp_size"

    def plans(self, module: nn.Module) -> Plan:
        """The plan for this model; override it where that depends on the model's config."""
        return self.plan or own_plan(module)

    def divided(self, module: nn.Module) -> tuple[str | Shared, ...]:
        """The numbers to divide in this model."""
        return self.divide

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> TensorParallel:
        """The model's width over the ranks."""
        if any(hasattr(each, "to_k_ip") for each in module.modules()):
            raise ValueError(
                f"{type(module).__name__}: its IP-Adapter adds to the whole width of every token, "
                f"which {self.option} shares out. Use ulysses_size or ring_size, or take it off "
                "first: unload_ip_adapter()."
            )
        mesh, plan = Mesh.of(config), self.plan_for(module, config)
        divide = self.divided(module)
        return TensorParallel(module, plan, mesh, mesh.tp, divide, self.option)

    def plan_for(self, module: nn.Module, config: ParallelismConfig) -> Plan:
        """The plan for this model, whoever has made it."""
        plan: Plan | None = self.users_plan(module, config)
        return self.plans(module) if plan is None else plan


def own_plan(module: nn.Module) -> Plan:
    """The plan that a model brings along; empty where it has none."""
    return getattr(module, "_tp_plan", None) or {}


class TensorParallelismPlannerRegister(
    PlannerRegister,
    kind="tensor-parallel planner",
    builtins="cache_dit.parallelism.transformers.tensor_parallelism",
):
    """Tensor-parallel planners by prefix of the transformer's class name; the longest wins."""
