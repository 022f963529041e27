"""What the planners of all axes, and the registers of them, have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from torch import nn

from ..intercept import original_class, unwrapped
from ..registry import Registry
from .agreement import install
from .config import ParallelismConfig
from .mesh import Mesh


class Applied(Protocol):
    """One way in which one module is spread over ranks.

    Making one checks that plan, module, config and world fit together, and touches nothing. It must
    not keep the module alive.

    Attributes:
        name: of the module's class.
        mesh: the place of this process.
    """

    name: str
    mesh: Mesh

    @property
    def bytes_sent(self) -> int:
        """Payload that this rank has sent so far along the axes that it is spread over."""

    def install(self) -> None:
        """Put it on the module; after an error `uninstall` takes off what was put on."""

    def uninstall(self) -> None:
        """Take it off again; the module is what it was before."""


class Planner:
    """Knows how one kind of module is spread. Subclasses are mostly data.

    A subclass for one axis implements `prepare`; a plan for one model then is a subclass of that.
    """

    def prepare(self, module: nn.Module, config: ParallelismConfig) -> Applied:
        """Work out and check everything; nothing is touched.

        Raises:
            ValueError: plan, module, config and world do not fit together.
        """
        raise NotImplementedError

    def apply(self, module: nn.Module, parallelism_config: ParallelismConfig, **kwargs: Any) -> Any:
        """Spread the module over the ranks.

        A subclass of a user may override it to return a plan, or None for that of its class.

        Raises:
            ValueError: plan, module, config and world do not fit together; the module is then
                untouched.
        """
        if type(self).apply is not Planner.apply:  # the user's calls this one
            return None
        applied = self.prepare(module, parallelism_config)
        install(applied)
        return applied

    def users_plan(self, module: nn.Module, config: ParallelismConfig) -> Any:
        """The plan that a user's `apply` returns; None where there is no such plan.

        Raises:
            ValueError: it returns a module.
        """
        if type(self).apply is Planner.apply:
            return None
        plan = self.apply(module, parallelism_config=config)
        if isinstance(plan, nn.Module):
            raise ValueError(
                f"{type(self).__name__}.apply returned a {type(plan).__name__}, not a plan. The "
                "module is spread as a plan says, so that it can be restored. Return one."
            )
        return plan


class PlannerRegister:
    """Planners of one axis by prefix of the module's class name; the longest wins.

    Each axis has a subclass: ``class MyRegister(PlannerRegister, kind=..., builtins=...)``, where
    ``builtins`` is the module whose import registers the planners of the package, ``refused`` says
    of classes why they cannot have one, and ``whole_names`` that names are no prefixes.
    """

    _registry: ClassVar[Registry[Any]]
    refused: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(
        cls,
        *,
        kind: str,
        builtins: str,
        refused: Mapping[str, str] | None = None,
        whole_names: bool = False,
    ) -> None:
        cls._registry = Registry(kind, builtins, whole_names=whole_names)
        cls.refused = refused or {}

    @classmethod
    def register(cls, *prefixes: str) -> Callable[[type], Any]:
        """Decorator: register a planner class under class-name prefixes."""
        return cls._registry.register(*prefixes)

    @classmethod
    def unregister(cls, *prefixes: str) -> None:
        """Forget planners."""
        cls._registry.unregister(*prefixes)

    @classmethod
    def find_planner(cls, target: nn.Module | str) -> Any:
        """The planner class of a module or class name, or None."""
        return cls._registry.find(unwrapped(target))

    @classmethod
    def get_planner(cls, target: nn.Module | str) -> Any:
        """The planner class of a module or class name.

        Raises:
            ValueError: there is none; the message says why, or names the closest.
        """
        if (planner := cls.find_planner(target)) is not None:
            return planner
        if why := cls.why_refused(target):
            name = target if isinstance(target, str) else original_class(unwrapped(target)).__name__
            raise ValueError(f"No {cls._registry.kind} for {name}: {why}.")
        return cls._registry.get(unwrapped(target))

    @classmethod
    def why_refused(cls, target: nn.Module | str) -> str:
        """Why a class cannot have a planner; empty where nothing stands against it."""
        name = target if isinstance(target, str) else original_class(unwrapped(target)).__name__
        return cls.refused.get(name, "")

    @classmethod
    def supported_planners(cls) -> tuple[int, list[str]]:
        """How many prefixes are registered, and which."""
        names = cls._registry.names()
        return len(names), names
