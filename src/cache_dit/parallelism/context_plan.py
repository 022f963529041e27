"""Where a model's sequence is split and gathered, as data.

A plan maps names of modules (globs over dotted names; ``"blocks.-1"`` is the last one) to what
happens there::

    plan = {
        "blocks.0": {"hidden_states": split(1)},
        "blocks.*": {"rotary_emb": split(1, of="hidden_states")},
        "blocks.*.attn1": attention("hidden_states"),
        "proj_out": gather(1),
    }

A dict of arguments splits them on the way in; with whole numbers as keys, it splits those outputs.
`gather` puts the output together again; a list of them stands for a tuple. The entries of the plans
that diffusers' models bring along, ``ContextParallelInput`` and ``ContextParallelOutput``, mean the
same as here. A tuple is several entries for the same modules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from ..intercept import parameter_names

Streams = tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Keep this rank's part of a tensor (of each tensor in a tuple, list or dict).

    Attributes:
        dim: along which dimension.
        of: streams whose tokens these are, in order; a tensor that has one entry for all of them is
            left alone. Empty: the tensor is a stream itself, named after its argument.
        expected_dims: leave tensors alone that have another number of dimensions.
        name: what the stream is called, where its argument's name will not do.
        tail: the tensor has entries for the last tokens only.
    """

    dim: int
    of: Streams = ()
    expected_dims: int | None = None
    name: str = ""
    tail: bool = False


@dataclass(frozen=True)
class Count:
    """A whole number of tokens at the beginning of streams: becomes how many of them are here."""

    of: Streams


@dataclass(frozen=True)
class Gather:
    """Put the parts of all ranks together again.

    Attributes:
        dim: along which dimension.
        of: streams whose tokens these are, in order.
    """

    dim: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class Attention:
    """A module whose attention goes over the tokens of all ranks.

    Attributes:
        query: streams that the queries are made of, in order; empty: all ranks have all of them.
        keys: likewise for keys and values; empty: the lengths are asked for at every call, because
            they depend on the data (padding that is left out).
        optional: the module may leave its attention out in some calls.
        cached: there may be more keys, which an earlier call has left in a key-value cache.
    """

    query: Streams
    keys: Streams
    optional: bool = False
    cached: bool = False


@dataclass(frozen=True)
class Whole:
    """A module that sees the whole sequence: arguments are gathered, and its output split again.

    Attributes:
        arguments: name of an argument -> dimension.
        output: dimension of the output, None to leave it alone.
        of: streams of the sequence, in order.
    """

    arguments: Mapping[str, int]
    output: int | None
    of: Streams


def _streams(names: str | Streams) -> Streams:
    return (names,) if isinstance(names, str) else tuple(names)


def split(
    dim: int,
    of: str | Streams = (),
    *,
    expected_dims: int | None = None,
    name: str = "",
    tail: bool = False,
) -> Split:
    """Short form of `Split`."""
    return Split(dim, _streams(of), expected_dims, name, tail)


def count(*of: str) -> Count:
    """Short form of `Count`."""
    return Count(of)


def gather(dim: int, of: str | Streams = "hidden_states") -> Gather:
    """Short form of `Gather`."""
    return Gather(dim, _streams(of))


def attention(
    *query: str,
    keys: str | Streams | None = None,
    optional: bool = False,
    cached: bool = False,
) -> Attention:
    """Short form of `Attention`; keys and queries are of the same streams if ``keys`` is None."""
    return Attention(query, query if keys is None else _streams(keys), optional, cached)


def whole(of: str | Streams, *, output: int | None = 1, **arguments: int) -> Whole:
    """Short form of `Whole`: ``whole("hidden_states", hidden_states=1)``."""
    return Whole(arguments, output, _streams(of))


Plan = Mapping[str, Any]
"""Glob over module names -> dict of splits, `Gather` (or a list), `Attention` or `Whole`."""


def attentions(plan: Plan) -> Plan:
    """The entries of a plan that name attention, and no others."""

    def attends(entry: Any) -> bool:
        several = entry if isinstance(entry, tuple) else (entry,)
        return any(isinstance(one, Attention) for one in several)

    return {name: entry for name, entry in plan.items() if attends(entry)}


@dataclass
class Place:
    """One module, and everything that a plan says about it."""

    name: str
    module: nn.Module
    inputs: dict[str, Any] = field(default_factory=dict)
    outputs: dict[int, Split] = field(default_factory=dict)
    gathers: list[Gather | None] = field(default_factory=list)
    attention: list[Attention] = field(default_factory=list)
    whole: Whole | None = None


def places(plans: Sequence[Plan], model: nn.Module) -> list[Place]:
    """The modules that plans are about; nothing is touched.

    Raises:
        ValueError: a name that matches no module, an argument that the module does not have, or an
            entry that is none of the above.
    """
    found: dict[str, Place] = {}
    for pattern, entry in (pair for plan in plans for pair in plan.items()):
        modules = list(_matches(pattern, model))
        if not modules:
            raise ValueError(
                f"{type(model).__name__}: the context-parallel plan names {pattern!r}, which "
                "matches no module. Compare it with the names in model.named_modules()."
            )
        for name, module in modules:
            _add(found.setdefault(name, Place(name, module)), entry, type(model).__name__)
    return list(found.values())


def _matches(pattern: str, model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """``*`` stands for one part of a dotted name, and a negative number counts from the end."""
    found: list[tuple[str, nn.Module]] = [("", model)]
    for part in pattern.split(".") if pattern else ():
        deeper = []
        for name, module in found:
            children = dict(module.named_children())
            key = str(len(children) + int(part)) if re.fullmatch(r"-\d+", part) else part
            wanted = list(children) if key == "*" else [key] * (key in children)
            deeper += [(f"{name}.{each}".lstrip("."), children[each]) for each in wanted]
        found = deeper
    yield from found


def _add(place: Place, entry: Any, model: str) -> None:
    if isinstance(entry, tuple):
        calls = [each for each in entry if isinstance(each, Attention)]
        for each in entry:
            _add(place, each, model)
        place.attention = calls or place.attention
    elif isinstance(entry, Attention):
        place.attention = [entry]
    elif isinstance(entry, Whole):
        _require(place, entry.arguments, model)
        place.whole = entry
    elif isinstance(entry, Mapping):
        for name, value in entry.items():
            if isinstance(name, int):
                place.outputs[name] = _as_split(value, model)
            else:
                _require(place, [name], model)
                many = isinstance(value, (list, tuple))
                place.inputs[name] = (
                    [_as_split(each, model) for each in value] if many else _as_split(value, model)
                )
    else:
        each = entry if isinstance(entry, list) else [entry]
        place.gathers = [_as_gather(one, model) for one in each]


def _require(place: Place, names: Any, model: str) -> None:
    known = parameter_names(place.module)
    missing = [name for name in names if name not in known]
    if missing and "kwargs" not in known:
        raise ValueError(
            f"{model}: the context-parallel plan names {missing[0]!r} of "
            f"{place.name or 'the model'}, which takes {', '.join(known)}. Use one of these names."
        )


def _as_split(entry: Any, model: str) -> Any:
    if entry is None or isinstance(entry, (Split, Count)):
        return entry
    if hasattr(entry, "split_dim"):
        return Split(entry.split_dim, expected_dims=entry.expected_dims)
    raise ValueError(f"{model}: the context-parallel plan has {entry!r} where split(dim) belongs.")


def _as_gather(entry: Any, model: str) -> Gather | None:
    if entry is None or isinstance(entry, Gather):
        return entry
    if hasattr(entry, "gather_dim"):
        return Gather(entry.gather_dim)
    raise ValueError(f"{model}: the context-parallel plan has {entry!r} where gather(dim) belongs.")
