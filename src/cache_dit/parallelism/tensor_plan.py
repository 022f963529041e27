"""How the width of a model's layers is shared out, as data.

A plan maps names (globs over dotted names, see `globs`; a name that ends in ``?`` may be absent) of
modules or parameters to styles::

    plan = {
        "blocks.*.attn.{to_q,to_k,to_v}": "colwise",
        "blocks.*.attn.to_out.0": "rowwise",
        "blocks.*.proj_out": packed_rowwise(1, 4),  # attention | mlp
    }
    divide = ("blocks.*.attn.heads",)

``divide`` names the numbers that become smaller with the width: of heads, of channels. The styles
are those of transformers' and diffusers' own plans, and a few more; see `STYLES`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Block = int | str
"""One part of a fused projection: its share, or the name of a number on the owner of the layer."""

REST = "..."
"""What the other blocks leave."""


@dataclass(frozen=True)
class Style:
    """What becomes of one module or parameter.

    Attributes:
        cut: "out" shares out what a layer produces, "in" what it takes, "all" every parameter
            along its first dimension; empty: every rank keeps all of it.
        blocks: parts of the cut dimension, of which each is shared out for itself; empty: one part.
        heads: the number of heads in the cut dimension, or its name on the owner of the layer or in
            the model's config; where these are fewer than ranks, several ranks hold the same head.
        arguments: arguments of a module, with dimensions, of which only this rank's part is used.
        takes: "part" where the layer's input is whole, and only this rank's part of it is used.
        gives: "sum" over the ranks, "whole" to gather it, "norm" to correct a norm over the width.
    """

    cut: Literal["", "out", "in", "all"] = ""
    blocks: tuple[Block, ...] = ()
    heads: Block = ""
    arguments: tuple[tuple[str, int], ...] = ()
    takes: Literal["", "part"] = ""
    gives: Literal["", "sum", "whole", "norm"] = ""


Plan = Mapping[str, Any]
"""Glob -> `Style`, its name, or a style object of diffusers."""

_COLWISE, _ROWWISE = Style("out"), Style("in", gives="sum")
_GATHERED, _WHOLE_INPUT = replace(_COLWISE, gives="whole"), replace(_ROWWISE, takes="part")

STYLES: dict[str, Style] = {
    "colwise": _COLWISE,
    "rowwise": _ROWWISE,
    "colwise_gather_output": _GATHERED,
    "colwise_rep": _GATHERED,
    "rowwise_split_input": _WHOLE_INPUT,
    "rowwise_rep": _WHOLE_INPUT,
    "local_colwise": _COLWISE,
    "local_rowwise": Style("in"),  # the sum is left to a module around it
    "packed_colwise": Style("out", (1, 1)),
    "packed_rowwise": Style("in", (1, 1), gives="sum"),
    "embedding_colwise": _GATHERED,
    "embedding_rowwise": Style("in", gives="sum"),
    "all_reduce": Style(gives="sum"),
    "moe_tp_experts": Style(gives="sum"),
    "norm": Style("all", gives="norm"),  # over a width that is shared out
    "shard": Style("all"),
    "replicate": Style(),
    "replicated_with_grad_allreduce": Style(),
    "mla_kv_a_proj": Style(),
    "local_params": Style(),
}
"""All styles by name."""

_OBJECTS = {
    "ColwiseParallel": "colwise",
    "RowwiseParallel": "rowwise",
    "PackedColwiseParallel": "colwise",
    "PackedRowwiseParallel": "rowwise",
}
"""Classes of style objects in diffusers and torch."""


def packed_colwise(*blocks: Block) -> Style:
    """A projection that produces several things in one: their shares, such as (1, 1, 1)."""
    return replace(_COLWISE, blocks=blocks)


def packed_rowwise(*blocks: Block) -> Style:
    """A projection of several things that were put side by side."""
    return replace(_ROWWISE, blocks=blocks)


def kv_colwise(heads: Block) -> Style:
    """A projection to key or value heads, which may be fewer than ranks."""
    return replace(_COLWISE, heads=heads)


def kv_norm(heads: Block) -> Style:
    """A norm over the width of all key heads."""
    return replace(STYLES["norm"], heads=heads)


def part_of(**arguments: int) -> Style:
    """A module that gets only this rank's part of arguments, along the given dimensions."""
    return Style(arguments=tuple(arguments.items()))


@dataclass(frozen=True)
class Shared:
    """Numbers of heads that may be fewer than ranks; several ranks then have the same one."""

    pattern: str


def kv_heads(pattern: str) -> Shared:
    """Short form of `Shared`."""
    return Shared(pattern)


def as_style(entry: Any, where: str, layer: Any = None) -> Style:
    """The style that an entry of a plan means, in whatever vocabulary.

    Args:
        entry: a style, a name, or a style object of diffusers.
        where: what an error is about.
        layer: the module; diffusers keeps the blocks of some there.

    Raises:
        ValueError: it is none of these, or a style that exists but is not for these ranks.
    """
    if isinstance(entry, Style):
        return entry
    if isinstance(entry, str) and entry in STYLES:
        return STYLES[entry]
    kind = type(entry).__name__
    if kind in _OBJECTS:
        style = STYLES[_OBJECTS[kind]]
        if not kind.startswith("Packed"):
            return style
        kept = f"_tp_packed_{'col' if style.cut == 'out' else 'row'}_blocks"
        blocks = entry.blocks or getattr(layer, kept, None)
        if blocks:
            return replace(style, blocks=tuple(blocks))
    raise ValueError(
        f"{where}: the tensor-parallel plan has {entry!r}, which is no style. "
        f"Use one of {', '.join(STYLES)}, packed_colwise(...) or packed_rowwise(...)."
    )


@dataclass(frozen=True)
class Constraint:
    """A number that must divide by the number of ranks.

    Attributes:
        what: what it is called.
        count: the number.
        shared: the number of ranks may be a multiple of it instead.
    """

    what: str
    count: int
    shared: bool = False

    def allows(self, size: int) -> bool:
        """Whether so many ranks can share it out."""
        return self.count % size == 0 or (self.shared and size % self.count == 0)


def check(constraints: Iterable[Constraint], size: int, model: str, option: str) -> None:
    """Nothing, if every constraint allows ``size`` ranks.

    Raises:
        ValueError: one does not; the message names it, and the sizes that suit all of them.
    """
    several = list(dict.fromkeys(constraints))
    broken = next((each for each in several if not each.allows(size)), None)
    if broken is None:
        return
    largest = max(each.count for each in several)
    numbers = {replace(each, what="") for each in several}
    good = [n for n in range(2, largest + 1) if all(each.allows(n) for each in numbers)]
    way = f"Use {_either(good)}" if good else "No other size works either, so leave it out"
    raise ValueError(
        f"{model}: {broken.what}={broken.count} is not divisible by {option}={size}. {way}."
    )


def _either(numbers: list[int]) -> str:
    shown = [str(number) for number in numbers[:12]]
    *first, last = shown
    return f"{', '.join(first)} or {last}" if first else last
