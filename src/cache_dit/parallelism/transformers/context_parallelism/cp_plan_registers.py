"""The register of context-parallel plans: where each model's sequence is split and gathered."""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from ....attention_backend import asks
from ...config import ParallelismConfig
from ...context_parallel import ContextParallel
from ...context_plan import Plan, attention, attentions
from ...planner import Planner, PlannerRegister


class ContextParallelismPlanner(Planner):
    """Base of all context-parallel plans. A subclass is usually a dict with a name.

    A subclass of a user may instead override `apply` to return a plan.

    Attributes:
        plan: see `cache_dit.parallelism.context_plan`.
        own: begin with the plan that the model brings along (``_cp_plan``), and add ``plan``.
    """

    plan: ClassVar[Plan] = {}
    own: ClassVar[bool] = False

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """What is done to this model; override it where that depends on the model's config."""
        own = getattr(transformer, "_cp_plan", None) if self.own else None
        return [own, self.plan] if own else [self.plan]

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> ContextParallel:
        """The model's sequence over the ranks, as `plans` or the config's ``cp_plan`` say."""
        return ContextParallel(module, self._chosen(module, config), config)

    def _chosen(self, module: nn.Module, config: ParallelismConfig) -> list[Plan]:
        given = config.cp_plan
        if given is None:
            given = self.users_plan(module, config)
        if given is None:
            return self.plans(module)
        if attentions(given):
            return [given]
        known = [attentions(plan) for plan in self.plans(module)]
        if any(known):  # a plan in diffusers' own format says nothing about attention
            return [given, *known]
        if asking := {name: attention() for name, each in module.named_modules() if asks(each)}:
            return [given, asking]
        raise ValueError(
            f"ParallelismConfig: cp_plan names no attention for {type(module).__name__}, and no "
            "registered plan does. Add an entry such as 'blocks.*.attn1': "
            "attention('hidden_states')."
        )


class ContextParallelismPlannerRegister(
    PlannerRegister,
    kind="context-parallel planner",
    builtins="cache_dit.parallelism.transformers.context_parallelism",
):
    """Context-parallel planners by prefix of the transformer's class name; the longest wins."""
