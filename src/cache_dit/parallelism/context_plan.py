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
and a list of them for the first outputs. `attention`, `heads`, `sums` are about the module itself.
The entries of the plans that diffusers' models bring along, ``ContextParallelInput`` and
``ContextParallelOutput``, mean the same as here. A tuple is several entries for the same modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plan_steps import (
    Attention,
    Borrow,
    Count,
    Gather,
    Heads,
    Measure,
    OwnHeads,
    Return,
    Split,
    Step,
    Streams,
    Sums,
    ToHeads,
    ToTokens,
)


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


def count(*of: str, everywhere: bool = False) -> Count:
    """Short form of `Count`."""
    return Count(of, everywhere)


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
    cached: str = "",
    beside: str = "",
) -> Attention:
    """Short form of `Attention`; keys and queries are of the same streams if ``keys`` is None."""
    return Attention(query, query if keys is None else _streams(keys), optional, cached, beside)


def heads(attribute: str = "heads", *, each: int | str | None = None) -> Heads:
    """Short form of `Heads`."""
    return Heads(attribute) if each is None else Heads(each=each)


def sums(*functions: str, of: str | Streams = "hidden_states") -> Sums:
    """Short form of `Sums`: ``sums("matmul")``."""
    return Sums(functions, _streams(of))


def whole(of: str | Streams, *, output: int | None = 1, **arguments: int) -> dict[Any, Step]:
    """A module that sees the whole sequence: ``whole("hidden_states", hidden_states=1)``.

    These arguments are gathered, and the output is split again.

    Raises:
        ValueError: no argument is named.
    """
    if not arguments:
        raise ValueError(
            f"whole({of!r}): no argument to gather. Name those of the module that have the tokens, "
            f"and their dimension: whole({of!r}, hidden_states=1)."
        )
    steps: dict[Any, Step] = {name: gather(dim, of) for name, dim in arguments.items()}
    return steps if output is None else {**steps, 0: split(output, of)}


def neighbours(of: str, reach: int, *, output: int, **arguments: int) -> dict[Any, Step]:
    """A module that sees so many neighbours of what is here: a convolution.

    Its arguments are made longer, and its output is made as much shorter.
    """
    steps: dict[Any, Step] = {name: Borrow(dim, reach, (of,)) for name, dim in arguments.items()}
    return {**steps, 0: Return(output, reach, (of,))}


def blocks(
    name: str, attends: str, *, stream: str = "hidden_states", dim: int = 1, **follows: int | Step
) -> dict[str, Any]:
    """A plan for blocks that one sequence goes through, whole before the first and after the last.

    Args:
        name: of the list of blocks.
        attends: the module of a block that attends to all tokens.
        stream: the argument of a block that is the sequence.
        dim: of its tokens.
        follows: arguments of a block that have an entry for each token -> dimension, or a step.
    """
    along = {
        argument: split(how, of=stream) if isinstance(how, int) else how
        for argument, how in follows.items()
    }
    return {
        f"{name}.0": {stream: split(dim)},
        f"{name}.*": along,
        f"{name}.*.{attends}": attention(stream),
        f"{name}.-1": gather(dim, stream),
    }


def on_heads(
    module: str,
    *into: str,
    out: str = "to_out.0",
    of: str | Streams = "hidden_states",
    attribute: str = "heads",
    each: int | str | None = None,
) -> dict[str, Any]:
    """A plan for attention of any form: each rank does all tokens of some heads.

    Args:
        module: the attention.
        into: modules within it that make queries, keys and values [B, tokens, heads * width].
        out: the module within it that takes what comes out.
        of: streams whose tokens they are.
        attribute: see `Heads`.
        each: see `Heads`.
    """
    inner = {f"{module}.{name}": to_heads(1, 2, of) for name in into}
    last = {f"{module}.{out}": {"input": to_tokens(1, 2, of)}}
    return {module: heads(attribute, each=each), **inner, **last}


Plan = Mapping[str, Any]
"""Glob over module names -> dict of steps, a step, a list of them, `Attention`, `Heads`, `Sums`; or
several of these in a tuple."""


def attentions(plan: Plan) -> Plan:
    """The entries of a plan that are about attention, and no others."""
    kinds = (Attention, Heads, Sums, ToHeads, ToTokens)

    def attends(entry: Any) -> bool:
        several = entry if isinstance(entry, tuple) else (entry,)
        steps = [
            each
            for one in several
            for each in (one.values() if isinstance(one, Mapping) else [one])
        ]
        return any(isinstance(each, kinds) for each in steps)

    return {name: entry for name, entry in plan.items() if attends(entry)}
