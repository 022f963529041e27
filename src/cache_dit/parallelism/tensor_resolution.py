"""What a plan means for one model and one number of ranks: worked out, and nothing touched."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from .globs import expand, matches
from .tensor_layers import QUANTIZE_AFTERWARDS, adapted, cuts, sizes_of
from .tensor_plan import REST, Block, Constraint, Plan, Shared, Style, as_style, check
from .tensor_shards import Call, Number, Shard, Shards, is_plain


@dataclass(frozen=True)
class Place:
    """One layer that a plan is about.

    Attributes:
        path: of the layer in the model.
        layer: itself.
        owner: the module that has it.
        style: what becomes of it.
        pattern: what the plan calls it.
        config: of the model.
    """

    path: str
    layer: nn.Module
    owner: nn.Module
    style: Style
    pattern: str
    config: Any = None

    def number(self, name: Block) -> int:
        """A number that the plan names: of the owner, of something in it, or of the config."""
        if isinstance(name, int):
            return name
        value: Any = self.owner
        for part in name.split("."):
            value = getattr(value, part, None)
        value = getattr(self.config, name, None) if value is None else value
        if not isinstance(value, int):
            raise ValueError(
                f"{type(self.owner).__name__}: the tensor-parallel plan for {self.path} uses "
                f"{name!r}, which is no number there. Correct the name."
            )
        return value


class Resolution:
    """Works out what a plan means for a model.

    Raises:
        ValueError: a glob matches nothing, a style is unknown, or a number does not divide.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: Plan,
        divide: Sequence[str | Shared],
        size: int,
        option: str = "tp_size",
    ) -> None:
        self.model, self.size = model, size
        self.name, self.config = type(model).__name__, getattr(model, "config", None)
        self.shards = Shards()
        self.constraints: list[Constraint] = []
        self._seen: dict[int, tuple[str, Style]] = {}
        self._cut_already: dict[int, tuple[str, int | None]] = {}
        for each in divide:
            shared = isinstance(each, Shared)
            for alternative in expand(each.pattern if isinstance(each, Shared) else each):
                self._divide(alternative, shared)
        for pattern, entry in plan.items():
            for alternative in expand(pattern):
                self._add(alternative, entry)
        check(self.constraints, size, self.name, option)

    def _add(self, pattern: str, entry: Any) -> None:
        name = pattern.replace("?", "")
        modules = list(matches(name, self.model))
        for path, module in modules:
            self._add_module(path, module, as_style(entry, f"{self.name}: {path}", module), name)
        parameters = [] if modules else list(self._parameters(name))
        for path, owner in parameters:
            style = as_style(entry, f"{self.name}: {path}")
            self._add_parameter(Place(path, owner, owner, style, name, self.config))
        if not modules and not parameters and "?" not in pattern:
            raise ValueError(
                f"{self.name}: the tensor-parallel plan names {name!r}, which matches no module or "
                "parameter. Compare it with the names in model.named_parameters(), or write a '?' "
                "behind a name that some configurations do not have."
            )

    def _parameters(self, pattern: str) -> Iterator[tuple[str, nn.Module]]:
        above, _, name = pattern.rpartition(".")
        for path, module in matches(above, self.model):
            if isinstance(getattr(module, name, None), nn.Parameter):
                yield f"{path}.{name}".lstrip("."), module

    def _add_parameter(self, place: Place) -> None:
        name = place.path.rpartition(".")[2]
        dims = getattr(place.owner, name).ndim
        dim = {"out": max(dims - 2, 0), "in": dims - 1, "all": 0}.get(place.style.cut)
        if dim is not None:
            self._cut(place, name, dim)

    def _add_module(self, path: str, module: nn.Module, style: Style, pattern: str) -> None:
        if (known := self._seen.get(id(module))) is not None:  # shared, or named twice
            if known[1] != style:
                raise ValueError(
                    f"{self.name}: the tensor-parallel plan has two styles for {path} "
                    f"({known[0]} and {pattern}). Leave one of them out."
                )
            return
        self._seen[id(module)] = (pattern, style)
        if style.takes or style.gives or style.arguments:
            self.shards.calls.append(Call(weakref.ref(module), path, style))
        owner = self.model.get_submodule(path.rpartition(".")[0])
        for inner, layer, how in adapted(path, module, style):
            place = Place(inner, layer, owner, how, pattern, self.config)
            for name, dim in cuts(layer, how, f"{self.name}: {inner}"):
                self._cut(place, name, dim)
            for name in sizes_of(layer, how):
                self._add_number(place, name)

    def _cut(self, place: Place, name: str, dim: int | None) -> None:
        parameter = getattr(place.layer, name)
        if not is_plain(parameter):
            raise ValueError(
                f"{self.name}: {place.path} holds a {type(parameter.data).__name__} of "
                f"{parameter.dtype}, which cannot be cut. {QUANTIZE_AFTERWARDS}"
            )
        blocks = () if dim is None else self._blocks(place, parameter.shape[dim])
        if place.style.heads and dim is not None:
            heads = place.number(place.style.heads)
            what = f"{place.pattern}: {place.style.heads}"
            self.constraints.append(Constraint(what, heads, shared=True))
        else:
            what = f"{place.pattern}.{name}.shape[{dim}]"
            self.constraints += [Constraint(what, block) for block in blocks]
        path = place.path if place.layer is place.owner else f"{place.path}.{name}"
        known = self._cut_already.setdefault(id(parameter), (path, dim))
        if known != (path, dim):  # tied to another layer's
            if known[1] == dim:
                return
            raise ValueError(
                f"{self.name}: {path} and {known[0]} are one parameter, and the tensor-parallel "
                "plan cuts them in different ways. Leave one of them out."
            )
        shard = Shard(weakref.ref(place.layer), name, path, dim, blocks, self._copies(place))
        self.shards.parameters.append(shard)

    def _copies(self, place: Place) -> int:
        if not place.style.heads:
            return 1
        return max(1, self.size // place.number(place.style.heads))

    def _blocks(self, place: Place, length: int) -> tuple[int, ...]:
        blocks = place.style.blocks
        if not blocks:
            return (length,)
        shares = [0 if each == REST else place.number(each) for each in blocks]
        if all(isinstance(each, int) for each in blocks):
            sizes = [length * share // sum(shares) for share in shares]
        else:
            rest = length - sum(shares)
            sizes = [rest if each == REST else n for each, n in zip(blocks, shares, strict=True)]
        if sum(sizes) != length or min(sizes) <= 0:
            raise ValueError(
                f"{self.name}: {place.path} has {length} entries, which {blocks} do not divide. "
                "Correct the blocks of the tensor-parallel plan."
            )
        return tuple(sizes)

    def _divide(self, pattern: str, shared: bool) -> None:
        above, _, name = pattern.replace("?", "").rpartition(".")
        modules = [module for _, module in matches(above, self.model) if hasattr(module, name)]
        if not modules and "?" not in pattern:
            raise ValueError(
                f"{self.name}: the tensor-parallel plan divides {pattern!r}, which no module has. "
                "Correct the name."
            )
        for module in modules:
            value = getattr(module, name)
            counts = value if isinstance(value, (tuple, list)) else [value]
            what = pattern.replace("?", "")
            self.constraints += [Constraint(what, int(each), shared) for each in counts]
            here = _share(value, self.size, 1)
            self.shards.numbers.append(Number(weakref.ref(module), name, here))

    def _add_number(self, place: Place, name: str) -> None:
        here = _share(getattr(place.layer, name), self.size, self._copies(place))
        self.shards.numbers.append(Number(weakref.ref(place.layer), name, here))


def _share(value: Any, size: int, copies: int) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(_share(each, size, copies) for each in value)
    return max(1, value * copies // size)
