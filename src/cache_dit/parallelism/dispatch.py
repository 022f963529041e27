"""Which modules are spread over ranks, and how they are looked up, put on and taken off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import nn

from ..closest import hint
from ..comm import ALONE, SyncGroup
from ..intercept import unwrapped
from .autoencoders.data_parallelism import AutoEncoderDataParallelismPlannerRegister
from .config import ParallelismBackend, ParallelismConfig
from .controlnets.context_parallelism import ControlNetContextParallelismPlannerRegister
from .groups import mend
from .mesh import Mesh
from .planner import Applied, Planner, PlannerRegister
from .spread import Spread, spread_of
from .text_encoders.tensor_parallelism import TextEncoderTensorParallelismPlannerRegister
from .transformers.context_parallelism import (
    ContextParallelismPlanner,
    ContextParallelismPlannerRegister,
)
from .transformers.tensor_parallelism import (
    TensorParallelismPlanner,
    TensorParallelismPlannerRegister,
)
from .transformers.tensor_parallelism.tp_plan_registers import own_plan

EXTRA_REGISTERS: tuple[type[PlannerRegister], ...] = (
    AutoEncoderDataParallelismPlannerRegister,
    ControlNetContextParallelismPlannerRegister,
    TextEncoderTensorParallelismPlannerRegister,
)
"""Where a planner of an extra module is looked for."""


def parallelize(
    transformers: Sequence[nn.Module],
    config: ParallelismConfig,
    extra: Sequence[nn.Module] = (),
    owner: Any = None,
) -> Callable[[], None]:
    """Spread models over the ranks, in place of how they were spread before.

    Args:
        transformers: denoisers.
        config: how.
        extra: the further modules that the config names (see `extra_modules`).
        owner: the pipeline that has them, if there is one.

    Returns:
        What undoes it: the models are then as they were before.

    Raises:
        ValueError: config, world, model and plan do not fit together.

    On any error the models are as they were before.
    """
    if config.backend is ParallelismBackend.NONE:
        return lambda: None
    plain = [unwrapped(each) for each in transformers]
    further = [unwrapped(each) for each in extra]
    planners = [(each, one) for each in plain for one in planners_of(each, config)]
    planners += [(each, _extra_planner(each)) for each in further]
    replaced = _spreads_of([*plain, *further])
    mend()
    ended: list[Spread] = []
    try:
        for old in replaced:
            old.uninstall()
            ended.append(old)
        new = Spread(planners, config, owner)
        new.install()
    except BaseException:
        _install(ended)
        raise

    def undo() -> None:
        new.uninstall()
        _install(replaced)

    return undo


def _install(spreads: Iterable[Spread]) -> None:
    for each in spreads:
        each.install()


def restore(module: nn.Module) -> None:
    """The module, and what was spread with it, is on one process again.

    Nothing happens where it was already. Collective where weights were shared out.
    """
    if (spread := spread_of(unwrapped(module))) is not None:
        mend()
        spread.uninstall()


def parallelism_of(module: nn.Module) -> list[Applied]:
    """How a module is spread: one entry for each way; empty where it is not."""
    spread = spread_of(unwrapped(module))
    return spread.of(unwrapped(module)) if spread else []


def config_of(module: nn.Module) -> ParallelismConfig | None:
    """What a module was spread by; None where it is not spread."""
    spread = spread_of(unwrapped(module))
    return spread.config if spread else None


def sync_of(modules: Sequence[nn.Module], config: ParallelismConfig | None = None) -> SyncGroup:
    """The ranks that must take the same decisions about these models, as they are or will be."""
    if config is not None and config.backend is not ParallelismBackend.NONE:
        return Mesh.of(config).sync
    known = [applied for each in modules for applied in parallelism_of(each)]
    return known[0].mesh.sync if known else ALONE


def extra_modules(owner: Any, config: ParallelismConfig) -> list[nn.Module]:
    """The modules that ``config.extra_parallel_modules`` means: themselves, or by their names.

    Args:
        owner: the pipeline that has the names as attributes.
        config: what is asked for.

    Raises:
        ValueError: a name that the pipeline does not have, or something that is no module.
    """
    found = []
    for each in config.extra_parallel_modules:
        module = getattr(owner, each, None) if isinstance(each, str) else each
        if not isinstance(module, nn.Module):
            known = [name for name, one in _attributes(owner) if isinstance(one, nn.Module)]
            raise ValueError(
                f"ParallelismConfig: extra_parallel_modules has {each!r}, which is no module of "
                f"{type(owner).__name__}.{hint(each, known)} Give a module, or one of the "
                f"names {', '.join(known) or '(it has none)'}."
            )
        found.append(module)
    return found


def _attributes(owner: Any) -> Iterable[tuple[str, Any]]:
    components = getattr(owner, "components", None)
    return (components if isinstance(components, dict) else getattr(owner, "__dict__", {})).items()


def planners_of(transformer: nn.Module, config: ParallelismConfig) -> list[Planner]:
    """One planner for each way in which a transformer is to be spread; the first comes first."""
    tensor, split = config.tp_size is not None, {config.ulysses_size, config.ring_size} - {None, 1}
    planners = [_tensor_planner(transformer)] if tensor else []
    if split or not tensor:
        planners.append(_context_planner(transformer, config))
    return planners


def _tensor_planner(transformer: nn.Module) -> Planner:
    register = TensorParallelismPlannerRegister
    known = register.find_planner(transformer) or register.why_refused(transformer)
    own = not known and own_plan(transformer)
    return TensorParallelismPlanner() if own else register.get_planner(transformer)()


def _context_planner(transformer: nn.Module, config: ParallelismConfig) -> Planner:
    register = ContextParallelismPlannerRegister
    given = config.cp_plan is not None and register.find_planner(transformer) is None
    return ContextParallelismPlanner() if given else register.get_planner(transformer)()


def _extra_planner(module: nn.Module) -> Planner:
    for register in EXTRA_REGISTERS:
        if (planner := register.find_planner(module)) is not None:
            return planner()
    name = type(module).__name__
    reasons = [why for each in EXTRA_REGISTERS if (why := each.why_refused(module))]
    known = [name for each in EXTRA_REGISTERS for name in each.supported_planners()[1]]
    why, way = "no planner is registered for it", "Take it out, or register a planner for it."
    if reasons:
        why, way, known = reasons[0], "Take it out.", []
    raise ValueError(
        f"ParallelismConfig: extra_parallel_modules has a {name}, which cannot be spread: {why}."
        f"{hint(name, known)} {way}"
    )


def _spreads_of(modules: Sequence[nn.Module]) -> list[Spread]:
    found = (spread_of(each) for each in modules)
    return list(dict.fromkeys(each for each in found if each is not None))
