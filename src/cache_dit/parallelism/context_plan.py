"""Where a model's sequence is split and gathered, as data.

A plan maps names of modules (globs over dotted names; ``"blocks.-1"`` is the last one) to what
happens there::

    plan = {
        "blocks.0": {"hidden_states": split(1)},
        "blocks.*": {"rotary_emb": split(1, of="hidden_states")},
        "blocks.*.attn1": attention("hidden_states"),
        "proj_out": gather(1),
    }

A dict maps arguments (by name) and outputs (by number) to a step; a step alone is for the output,
and a list of them for the first outputs. `attention` and `heads` are about the module itself. The
entries of the plans that diffusers' models bring along, ``ContextParallelInput`` and
``ContextParallelOutput``, mean the same as here. A tuple is several entries for the same modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        along: a stream of which every entry stands for several tokens of this one, that have to
            stay together: rows of a picture, frames of a video.
        first: so many of the first tokens are shared out on their own: an argument that is a whole
            number, or a stream that is as long.
    """

    dim: int
    of: Streams = ()
    expected_dims: int | None = None
    name: str = ""
    tail: bool = False
    along: str = ""
    first: str = ""


@dataclass(frozen=True)
class Measure:
    """Leave a tensor alone, but call what it has along a dimension a stream.

    Attributes:
        dim: along which dimension.
        name: of the stream.
        every: so many entries make one.
    """

    dim: int
    name: str
    every: int = 1


@dataclass(frozen=True)
class Count:
    """A whole number of tokens at the beginning of streams: becomes how many of them are here."""

    of: Streams


@dataclass(frozen=True)
class Gather:
    """Put the parts of all ranks together again; a whole number becomes the number of all tokens.

    Attributes:
        dim: along which dimension.
        of: streams whose tokens these are, in order.
    """

    dim: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class ToHeads:
    """All heads of the tokens here become all tokens of the heads here.

    Attributes:
        dim: of the tokens.
        width: dimension of the heads, each with as many entries as there are for one.
        of: streams whose tokens these are, in order.
    """

    dim: int
    width: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class ToTokens:
    """The way back from `ToHeads`."""

    dim: int
    width: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class OwnHeads:
    """Keep the heads here, of what has all of them along ``dim`` on every rank."""

    dim: int


@dataclass(frozen=True)
class Borrow:
    """Put the neighbours of what is here at its ends; a whole number grows by as many.

    Attributes:
        dim: along which dimension.
        reach: how many neighbours on either side; of a stream that was split along another one,
            how many of the other one's entries.
        of: the stream.
    """

    dim: int
    reach: int
    of: Streams


@dataclass(frozen=True)
class Return:
    """The way back from `Borrow`: leave out what belongs to the neighbours."""

    dim: int
    reach: int
    of: Streams


Step = Split | Measure | Count | Gather | ToHeads | ToTokens | OwnHeads | Borrow | Return


@dataclass(frozen=True)
class Attention:
    """A module whose attention goes over the tokens of all ranks.

    Attributes:
        query: streams that the queries are made of, in order; empty: all ranks have all of them.
        keys: likewise for keys and values; empty: the lengths are asked for at every call, because
            they depend on the data (padding that is left out).
        optional: the module may leave its attention out in some calls.
        cached: there may be more keys, which an earlier call has left in a key-value cache, or
            fewer queries.
    """

    query: Streams
    keys: Streams
    optional: bool = False
    cached: bool = False


@dataclass(frozen=True)
class Heads:
    """A module within which a rank has some of the heads only, as `ToHeads` leaves them.

    Attributes:
        attribute: of the module, that says how many heads there are: during a call, those here.
        fixed: the attribute keeps its value, because the module does not count heads by it; it may
            then be one of a module within, "proj.in_features".
    """

    attribute: str
    fixed: bool = False


def _streams(names: str | Streams) -> Streams:
    return (names,) if isinstance(names, str) else tuple(names)


def split(
    dim: int,
    of: str | Streams = (),
    *,
    expected_dims: int | None = None,
    name: str = "",
    tail: bool = False,
    along: str = "",
    first: str = "",
) -> Split:
    """Short form of `Split`."""
    return Split(dim, _streams(of), expected_dims, name, tail, along, first)


def measure(dim: int, name: str, *, every: int = 1) -> Measure:
    """Short form of `Measure`."""
    return Measure(dim, name, every)


def count(*of: str) -> Count:
    """Short form of `Count`."""
    return Count(of)


def gather(dim: int, of: str | Streams = "hidden_states") -> Gather:
    """Short form of `Gather`."""
    return Gather(dim, _streams(of))


def to_heads(dim: int, width: int, of: str | Streams = "hidden_states") -> ToHeads:
    """Short form of `ToHeads`."""
    return ToHeads(dim, width, _streams(of))


def to_tokens(dim: int, width: int, of: str | Streams = "hidden_states") -> ToTokens:
    """Short form of `ToTokens`."""
    return ToTokens(dim, width, _streams(of))


def own_heads(dim: int) -> OwnHeads:
    """Short form of `OwnHeads`."""
    return OwnHeads(dim)


def attention(
    *query: str,
    keys: str | Streams | None = None,
    optional: bool = False,
    cached: bool = False,
) -> Attention:
    """Short form of `Attention`; keys and queries are of the same streams if ``keys`` is None."""
    return Attention(query, query if keys is None else _streams(keys), optional, cached)


def heads(attribute: str = "heads", *, fixed: bool = False) -> Heads:
    """Short form of `Heads`."""
    return Heads(attribute, fixed)


def whole(of: str | Streams, *, output: int | None = 1, **arguments: int) -> dict[Any, Step]:
    """A module that sees the whole sequence: ``whole("hidden_states", hidden_states=1)``.

    These arguments are gathered, and the output is split again.
    """
    steps: dict[Any, Step] = {name: gather(dim, of) for name, dim in arguments.items()}
    return steps if output is None else {**steps, 0: split(output, of)}


def neighbours(of: str, reach: int, *, output: int, **arguments: int) -> dict[Any, Step]:
    """A module that sees so many neighbours of what is here: a convolution.

    Its arguments are made longer, and its output is made as much shorter.
    """
    steps: dict[Any, Step] = {name: Borrow(dim, reach, (of,)) for name, dim in arguments.items()}
    return {**steps, 0: Return(output, reach, (of,))}


def on_heads(
    module: str,
    *into: str,
    out: str = "to_out.0",
    of: str | Streams = "hidden_states",
    attribute: str = "heads",
    fixed: bool = False,
) -> dict[str, Any]:
    """A plan for attention of any form: each rank does all tokens of some heads.

    Args:
        module: the attention.
        into: modules within it that make queries, keys and values [B, tokens, heads * width].
        out: the module within it that takes what comes out.
    """
    inner = {f"{module}.{name}": to_heads(1, 2, of) for name in into}
    last = {f"{module}.{out}": {"input": to_tokens(1, 2, of)}}
    return {module: heads(attribute, fixed=fixed), **inner, **last}


Plan = Mapping[str, Any]
"""Glob over module names -> dict of steps, a step, a list of them, `Attention`, `Heads`; a tuple of
these is all of them."""


def attentions(plan: Plan) -> Plan:
    """The entries of a plan that are about attention, and no others."""
    kinds = (Attention, Heads, ToHeads, ToTokens)

    def attends(entry: Any) -> bool:
        several = entry if isinstance(entry, tuple) else (entry,)
        steps = [
            each
            for one in several
            for each in (one.values() if isinstance(one, Mapping) else [one])
        ]
        return any(isinstance(each, kinds) for each in steps)

    return {name: entry for name, entry in plan.items() if attends(entry)}
