"""The tensor-parallel plan of a model: layers by their roles, from one call that was watched."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import gcd
from typing import Any

import torch
from torch import nn

from cache_dit.new_model.facts import Facts
from cache_dit.new_model.feed_forward import feed_forwards
from cache_dit.new_model.flow import is_part, of_tokens, takes
from cache_dit.new_model.watch import Attended, Call
from cache_dit.parallelism import packed_colwise, packed_rowwise
from cache_dit.parallelism.tensor_plan import Style

HEADS = re.compile(r"head(?!.*(dim|size|width))")
KEY_HEADS = re.compile(r"kv|key")
NOT_A_WIDTH = re.compile(r"query|cross|out|in_|heads|eps")


@dataclass
class TensorPlan:
    """A plan, and what should be known about it.

    Attributes:
        plan: name of a layer, as a glob -> style; empty where none was found.
        divide: globs of the numbers that become smaller with the width.
        notes: doubts, for the reader.
    """

    plan: dict[str, Any] = field(default_factory=dict)
    divide: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def find_tensor_plans(facts: Facts) -> list[TensorPlan]:
    """How the width of the blocks is shared out; the likeliest plan first.

    What cannot be seen in one call is whether the code divides a width by a number of heads, and
    which numbers of a module are those of heads where their names do not say so.
    """
    first = _Finder(facts)
    first.find()
    unnamed = dict.fromkeys(first.unnamed)
    choices = [(), *((tuple(unnamed),) if unnamed else ())]
    choices += [tuple(each for each in unnamed if each != other) for other in unnamed]
    ways = product(choices, (False, True))
    made = [_Finder(facts, names, widths).find() for names, widths in ways]
    return [plan for n, plan in enumerate(made) if plan.divide not in [p.divide for p in made[:n]]]


class _Finder:
    """Finds one plan.

    Args:
        facts: the model.
        names: of numbers that are those of heads, although their names do not say so.
        widths: divide the widths that attention modules keep, too.
    """

    def __init__(self, facts: Facts, names: tuple[str, ...] = (), widths: bool = False) -> None:
        self.facts = facts
        self.names = names
        self.widths = widths
        self.unnamed: list[str] = []  # what is as large as a number of heads, and may be one
        self.styles: dict[str, Any] = {}
        self.divided: list[str] = []

    def find(self) -> TensorPlan:
        for each in self.facts.lists:
            for call in self.facts.calls(each):
                self._block(call)
        notes = [] if self.styles else ["No linear layer of a block has a role that is known."]
        return TensorPlan(_together(self.styles), tuple(_braced(self.divided)), notes)

    def _block(self, block: Call) -> None:
        linears = [call for call in self._inside(block) if self._is_linear(call)]
        taken: set[str] = set()
        owners: dict[str, list[Attended]] = {}
        for one in self.facts.seen.within(block.name):
            owners.setdefault(self._owner(one, block, linears), []).append(one)
        for owner, attended in owners.items():
            own = [call for call in linears if f"{call.name}.".startswith(f"{owner}.")]
            beside = self._attention(owner, attended, own, linears, taken)
            self._divide(block.name, set(), beside)
        rest = [call for call in linears if call.name not in taken]
        for layers, style in feed_forwards(self.facts.model, rest):
            for name in layers:
                self._style(name, style)

    def _inside(self, block: Call) -> list[Call]:
        """What is called in one call of a block."""
        calls = [c for c in self.facts.seen.calls if c.name.startswith(f"{block.name}.")]
        return sorted(calls, key=lambda call: call.number)

    def _is_linear(self, call: Call) -> bool:
        return isinstance(self.facts.model.get_submodule(call.name), nn.Linear)

    def _owner(self, one: Attended, block: Call, linears: list[Call]) -> str:
        """The module that an attention's layers are in."""
        name = one.name
        while name != block.name and not any(c.name.startswith(f"{name}.") for c in linears):
            name = name.rpartition(".")[0]
        return name

    def _attention(
        self,
        owner: str,
        attended: list[Attended],
        own: list[Call],
        linears: list[Call],
        taken: set[str],
    ) -> set[int]:
        """Styles of the layers around an attention; gives the widths that stand beside it."""
        shape = _Shape.of(attended[0], self._widths(own), self._key_heads(owner))
        first = min(each.number for each in attended)
        before = of_tokens([call for call in own if call.number < first])
        behind = [call for call in own if call.number > first]
        behind = behind or [call for call in linears if call.number > first]
        outs = self._outs(behind, shape.inner, linears, attended)
        beside = {self._in(name) - shape.inner for name in outs} - {0}
        ins = {
            call.name: style
            for call in before
            if (style := shape.style_before(call.name, self._out(call.name), beside)) is not None
        }
        others = self._beside([c for c in linears if c not in own], beside)
        for name, style in {**ins, **others, **outs}.items():
            self._style(name, style)
            taken.add(name)
        for name in self._norms(owner, ins, before, {shape.inner, shape.keys}, first):
            self._style(name, "norm")
        heads = {shape.heads, shape.keys // shape.size}
        for each in dict.fromkeys([owner, *(name.rpartition(".")[0] for name in ins)]):
            self._divide(each, heads, {shape.inner, shape.keys} | beside)
        return beside

    def _key_heads(self, owner: str) -> int:
        """How many there are, as the attention module says; 0 where it says nothing."""
        numbers = vars(self.facts.model.get_submodule(owner))
        found = [
            value
            for name, value in numbers.items()
            if KEY_HEADS.search(name) and HEADS.search(name) and type(value) is int and value > 0
        ]
        return found[0] if found else 0

    def _widths(self, linears: list[Call]) -> set[int]:
        return {self._out(call.name) for call in linears}

    def _outs(
        self, behind: list[Call], inner: int, linears: list[Call], attended: list[Attended]
    ) -> dict[str, Any]:
        """Layers that take what was attended, alone or side by side with something else.

        Seen by what they take; where that was changed in between, by how wide it is.
        """
        seen = [call for call in behind if any(takes(call, each) for each in attended)]
        if seen:
            extras = {call.name: self._in(call.name) - inner for call in seen}
            return {
                name: packed_rowwise(*_shares(inner, extra)) if extra else "rowwise"
                for name, extra in extras.items()
            }
        widths = self._widths(linears)
        found: dict[str, Any] = {}
        for call in behind:
            extra = self._in(call.name) - inner
            if extra == 0:
                found[call.name] = "rowwise"
            elif extra > 0 and any(w in (extra, 2 * extra) or w > 2 * extra for w in widths):
                found[call.name] = packed_rowwise(*_shares(inner, extra))
        return found

    def _beside(self, linears: list[Call], widths: set[int]) -> dict[str, Any]:
        """Layers whose output is put beside what was attended."""
        return {
            call.name: "colwise" if self._out(call.name) in widths else packed_colwise(1, 1)
            for call in linears
            if {self._out(call.name), self._out(call.name) / 2} & widths
        }

    def _norms(
        self, owner: str, ins: dict[str, Any], before: list[Call], widths: set[int], first: int
    ) -> Iterator[str]:
        """Norms over all heads: they take what a layer of the attention gives, as wide as it is."""
        given = [call.output for call in before if call.name in ins]
        for call in self.facts.seen.calls:
            value = next(iter(call.arguments.values()), None)
            kind = type(self.facts.model.get_submodule(call.name)).__name__
            if not call.name.startswith(f"{owner}.") or call.number > first or "Norm" not in kind:
                continue
            if not isinstance(value, torch.Tensor) or value.shape[-1] not in widths:
                continue
            if any(is_part(value, of=each) for each in given):
                yield call.name

    def _divide(self, owner: str, heads: set[int], widths: set[int]) -> None:
        for name, value in vars(self.facts.model.get_submodule(owner)).items():
            if type(value) is not int:
                continue
            if value in heads and not HEADS.search(name):
                self.unnamed.append(name)
            is_head = value in heads and (HEADS.search(name) or name in self.names)
            is_width = self.widths and value in widths and not NOT_A_WIDTH.search(name)
            if (is_head or is_width) and (
                glob := f"{self._glob(owner)}.{name}"
            ) not in self.divided:
                self.divided.append(glob)

    def _style(self, name: str, style: Any) -> None:
        self.styles.setdefault(self._glob(name), style)

    def _glob(self, name: str) -> str:
        for each in self.facts.lists:
            name = re.sub(rf"^{re.escape(each.name)}\.\d+", f"{each.name}.*", name)
        return name

    def _out(self, name: str) -> int:
        return int(self.facts.model.get_submodule(name).weight.shape[0])  # type: ignore[index]

    def _in(self, name: str) -> int:
        return int(self.facts.model.get_submodule(name).weight.shape[1])  # type: ignore[index]


@dataclass(frozen=True)
class _Shape:
    """How wide an attention is.

    Attributes:
        heads: of the queries.
        size: of a head.
        keys: width of the keys as they are projected; they may be repeated for the heads later.
    """

    heads: int
    size: int
    keys: int

    @classmethod
    def of(cls, one: Attended, widths: set[int], key_heads: int) -> _Shape:
        heads, size = one.query.shape[1], one.query.shape[3]
        keys = one.key.shape[1] * size
        fewer = [n * size for n in range(1, heads) if heads % n == 0 and n * size in widths]
        if key_heads and heads % key_heads == 0:
            keys = key_heads * size
        elif keys == heads * size and fewer and fewer[-1] > heads:
            keys = fewer[-1]
        return cls(heads, size, keys)

    @property
    def inner(self) -> int:
        """Width of the queries."""
        return self.heads * self.size

    def style_before(self, name: str, out: int, beside: set[int]) -> Any:
        """Of a layer before the attention, by what it produces; None where it has no part in it."""
        if out == 2 * self.keys and "kv" in name.rpartition(".")[2]:
            return packed_colwise(1, 1)
        if out in (self.inner, self.keys, self.heads):
            return "colwise"
        if out in (2 * self.keys, 2 * self.inner):
            return packed_colwise(1, 1)
        fused = (self.inner, self.keys, self.keys)
        for more in ((), *((extra,) * times for extra in beside for times in (1, 2))):
            if out == sum(fused) + sum(more):
                return packed_colwise(*_shares(*fused, *more))
        return None


def _shares(*sizes: int) -> tuple[int, ...]:
    """The smallest whole numbers in these proportions."""
    common = gcd(*sizes)
    return tuple(size // common for size in sizes)


def _together(styles: dict[str, Any]) -> dict[str, Any]:
    """Names with one parent and one style in braces."""
    groups: dict[tuple[str, Style | str], list[str]] = {}
    for name, style in styles.items():
        groups.setdefault((name.rpartition(".")[0], style), []).append(name)
    return {_braced(names)[0]: style for (_, style), names in groups.items()}


def _braced(names: list[str]) -> list[str]:
    """``["a.b", "a.c"]`` as ``["a.{b,c}"]``."""
    parents: dict[str, list[str]] = {}
    for name in names:
        parent, _, leaf = name.rpartition(".")
        parents.setdefault(parent, []).append(leaf)
    return [
        f"{parent}.{leaves[0]}" if len(leaves) == 1 else f"{parent}.{{{','.join(leaves)}}}"
        for parent, leaves in parents.items()
    ]
