"""The register of context-parallel plans: where each model's sequence is split and gathered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import nn

from ....intercept import original_class
from ....registry import Registry
from ...config import ParallelismConfig
from ...context_parallel import ContextParallel
from ...context_plan import Plan
from .cp_not_split import NOT_SPLIT


class ContextParallelismPlanner:
    """Base of all context-parallel plans. A subclass is usually a dict with a name.

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

    def apply(
        self, transformer: nn.Module, parallelism_config: ParallelismConfig, **kwargs: Any
    ) -> Any:
        """Split the model's sequence over the ranks.

        A planner may return a plan instead of applying one.

        Raises:
            ValueError: plan, model and world do not fit together; the model is then untouched.
        """
        parallel = ContextParallel(transformer, self.plans(transformer), parallelism_config)
        parallel.install()
        return parallel


class ContextParallelismPlannerRegister:
    """Planners by prefix of the transformer's class name; the longest wins."""

    _registry: Registry[type[ContextParallelismPlanner]] = Registry(
        "context-parallel planner", "cache_dit.parallelism.transformers.context_parallelism"
    )

    @classmethod
    def register(cls, *prefixes: str) -> Callable[[type], Any]:
        """Decorator: register a planner class under class-name prefixes."""
        return cls._registry.register(*prefixes)

    @classmethod
    def unregister(cls, *prefixes: str) -> None:
        """Forget planners."""
        cls._registry.unregister(*prefixes)

    @classmethod
    def get_planner(cls, target: nn.Module | str) -> type[ContextParallelismPlanner]:
        """The planner class of a transformer or class name.

        Raises:
            ValueError: there is none; the message says why, or names the closest.
        """
        model = getattr(target, "_orig_mod", target)
        if (planner := cls._registry.find(model)) is not None:
            return planner
        name = model if isinstance(model, str) else original_class(model).__name__
        if name in NOT_SPLIT:
            raise ValueError(f"No context-parallel planner for {name}: {NOT_SPLIT[name]}.")
        return cls._registry.get(model)

    @classmethod
    def supported_planners(cls) -> tuple[int, list[str]]:
        """How many prefixes are registered, and which."""
        names = cls._registry.names()
        return len(names), names
