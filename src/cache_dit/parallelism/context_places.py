"""The modules of one model that context-parallel plans are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, get_args

from torch import nn

from ..intercept import parameter_names
from .context_plan import Plan
from .globs import matches
from .plan_steps import Attention, Gather, Heads, Split, Step, Sums, ToHeads


@dataclass
class Place:
    """One module, and everything that plans say about it."""

    name: str
    module: nn.Module
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[int, Step] = field(default_factory=dict)
    attention: list[Attention] = field(default_factory=list)
    heads: Heads | None = None
    sums: Sums | None = None

    @property
    def by_heads(self) -> bool:
        """Whether heads are exchanged here, and not where attention is called."""
        steps = [*self.inputs.values(), *self.outputs.values()]
        return any(isinstance(step, ToHeads) for step in steps)


def places(plans: Sequence[Plan], model: nn.Module) -> list[Place]:
    """The modules that plans are about; nothing is touched.

    Raises:
        ValueError: a name that matches no module, an argument that the module does not have, or an
            entry that is none of what a plan may have.
    """
    found: dict[str, Place] = {}
    for pattern, entry in (pair for plan in plans for pair in plan.items()):
        modules = list(matches(pattern, model))
        if not modules:
            raise ValueError(
                f"{type(model).__name__}: the context-parallel plan names {pattern!r}, which "
                "matches no module. Compare it with the names in model.named_modules()."
            )
        for name, module in modules:
            _add(found.setdefault(name, Place(name, module)), entry, type(model).__name__)
    return list(found.values())


def _add(place: Place, entry: Any, model: str) -> None:
    if isinstance(entry, tuple):
        calls = [each for each in entry if isinstance(each, Attention)]
        for each in entry:
            _add(place, each, model)
        place.attention = calls or place.attention
    elif isinstance(entry, Attention):
        place.attention = [entry]
    elif isinstance(entry, Heads):
        wanted = entry.attribute or entry.each
        if isinstance(wanted, str) and _attribute(place.module, wanted) is None:
            raise ValueError(
                f"{model}: the context-parallel plan reads heads from {wanted!r} of {place.name}, "
                "which has no such thing. Name what says how many there are, or how wide."
            )
        place.heads = entry
    elif isinstance(entry, Sums):
        place.sums = entry
    elif isinstance(entry, Mapping):
        for name, value in entry.items():
            if isinstance(name, int):
                place.outputs[name] = _step(value, model)
            else:
                _require(place, name, model)
                place.inputs[name] = _steps(value, model)
    else:
        each = entry if isinstance(entry, list) else [entry]
        place.outputs |= {at: _step(one, model) for at, one in enumerate(each) if one is not None}


def _attribute(module: nn.Module, name: str) -> Any:
    try:
        return attrgetter(name)(module)
    except AttributeError:
        return None


def _require(place: Place, name: str, model: str) -> None:
    known = parameter_names(place.module)
    if name not in known and "kwargs" not in known:
        raise ValueError(
            f"{model}: the context-parallel plan names {name!r} of "
            f"{place.name or 'the model'}, which takes {', '.join(known)}. Use one of these names."
        )


def _steps(entry: Any, model: str) -> Any:
    """A step for an argument; a list of them, or Nones, stands for what a tuple is made of."""
    if isinstance(entry, (list, tuple)):
        return [_steps(each, model) for each in entry]
    return None if entry is None else _step(entry, model)


def _step(entry: Any, model: str) -> Step:
    if isinstance(entry, get_args(Step)):
        return entry
    if hasattr(entry, "split_dim"):
        return Split(entry.split_dim, expected_dims=entry.expected_dims)
    if hasattr(entry, "gather_dim"):
        return Gather(entry.gather_dim)
    raise ValueError(
        f"{model}: the context-parallel plan has {entry!r} where split(dim), gather(dim) or "
        "another step belongs."
    )
