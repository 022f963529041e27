"""Which models are spread over ranks, and how they are looked up, put on and taken off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from ..comm import ALONE, SyncGroup
from ..logger import init_logger
from .config import ParallelismBackend, ParallelismConfig
from .context_parallel import ContextParallel
from .context_plan import Attention, Plan
from .mesh import Mesh
from .transformers.context_parallelism import (
    ContextParallelismPlanner,
    ContextParallelismPlannerRegister,
)

logger = init_logger(__name__)

_parallel: WeakKeyDictionary[nn.Module, ContextParallel] = WeakKeyDictionary()


def parallelize(transformers: Sequence[nn.Module], config: ParallelismConfig) -> None:
    """Spread models over the ranks, in place of how they were spread before.

    Raises:
        ValueError: config, world, model and plan do not fit together.
        NotImplementedError: a part of the config that is not built yet.

    On any error the models are as they were before.
    """
    _require_built(config)
    if config.backend is ParallelismBackend.NONE:
        return
    plain = [getattr(each, "_orig_mod", each) for each in transformers]
    made = [ContextParallel(each, _plans(each, config), config) for each in plain]
    for transformer in plain:
        restore(transformer)
    for transformer, parallel in zip(plain, made, strict=True):
        parallel.install()
        _parallel[transformer] = parallel
        mesh = parallel.mesh
        logger.info(
            f"context parallelism enabled on {parallel.name}: ulysses {mesh.ulysses.size}, "
            f"ring {mesh.ring.size}"
        )


def restore(transformer: nn.Module) -> None:
    """The model is on one process again; nothing happens where it was already."""
    parallel = _parallel.pop(getattr(transformer, "_orig_mod", transformer), None)
    if parallel is not None:
        parallel.uninstall()


def parallelism_of(transformer: nn.Module) -> ContextParallel | None:
    """How a model is spread, or None."""
    return _parallel.get(getattr(transformer, "_orig_mod", transformer))


def sync_of(
    transformers: Sequence[nn.Module], config: ParallelismConfig | None = None
) -> SyncGroup:
    """The ranks that must take the same decisions about these models, as they are or will be."""
    if config is not None:
        return Mesh.of(config).sync
    known = [parallelism_of(each) for each in transformers]
    return next((each.mesh.sync for each in known if each is not None), ALONE)


def _plans(transformer: nn.Module, config: ParallelismConfig) -> list[Plan]:
    register = ContextParallelismPlannerRegister
    given = config.cp_plan
    if given is None:
        planner = register.get_planner(transformer)()
        if type(planner).apply is ContextParallelismPlanner.apply:
            return planner.plans(transformer)
        given = planner.apply(transformer, config)  # a user's planner, which returns a plan
    if any(_attends(entry) for entry in given.values()):
        return [given]
    try:  # a plan in diffusers' own format, which says nothing about attention
        known = register.get_planner(transformer)().plans(transformer)
    except ValueError as error:
        raise ValueError(
            f"ParallelismConfig: cp_plan names no attention for {type(transformer).__name__}, and "
            f"no registered plan does. Add an entry such as 'blocks.*.attn1': "
            f"attention('hidden_states'). ({error})"
        ) from error
    attention = {name: entry for plan in known for name, entry in plan.items() if _attends(entry)}
    return [given, attention]


def _attends(entry: Any) -> bool:
    several = entry if isinstance(entry, tuple) else (entry,)
    return not isinstance(entry, Mapping) and any(isinstance(one, Attention) for one in several)


def _require_built(config: ParallelismConfig) -> None:
    if config.tp_size not in (None, 1):
        raise NotImplementedError("ParallelismConfig: tp_size is not built yet in this version.")
    if config.extra_parallel_modules:
        raise NotImplementedError(
            "ParallelismConfig: extra_parallel_modules are not built yet in this version."
        )
    if config.ulysses_float8:
        raise NotImplementedError(
            "ParallelismConfig: ulysses_float8 is not built yet in this version."
        )
    if config.ulysses_async:
        logger.warning(
            "ParallelismConfig: ulysses_async is not built yet; the exchange is not overlapped."
        )
