"""Plans and adapters as Python source, in the style in which the package writes them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from cache_dit.parallelism.plan_steps import Attention, Gather, Split
from cache_dit.parallelism.tensor_plan import Style

WIDTH = 100


def source(value: Any, indent: int = 0, before: int = 0) -> str:
    """A value as it is written: on one line where it fits, else one item a line.

    Args:
        value: made of dicts, lists, tuples and what plans are made of.
        indent: of the line that it begins on.
        before: characters before it on that line, behind the indentation.
    """
    flat = _flat(value)
    if indent + before + len(flat) < WIDTH or not isinstance(value, (Mapping, list, tuple)):
        return flat
    return _tall(value, indent)


def plan_source(plan: Mapping[str, Any], indent: int = 4) -> str:
    """A plan, with one entry a line."""
    return _tall(plan, indent)


def _tall(value: Any, indent: int) -> str:
    pad = " " * (indent + 4)
    if isinstance(value, Mapping):
        keys = {_flat(key): each for key, each in value.items()}
        items = [f"{key}: {source(v, indent + 4, len(key) + 2)}" for key, v in keys.items()]
        opening, closing = "{}"
    else:
        items = [source(each, indent + 4) for each in value]
        opening, closing = "[]" if isinstance(value, list) else "()"
    return f"{opening}\n" + "".join(f"{pad}{item},\n" for item in items) + " " * indent + closing


def _flat(value: Any) -> str:
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flat(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_flat, value)) + ("," if len(value) == 1 else "") + ")"
    if (short := SHORT.get(type(value))) is not None:
        return short(value)
    return repr(value)


def _split(value: Split) -> str:
    options = [f"of={_streams(value.of)}"] * bool(value.of)
    options += [f"expected_dims={value.expected_dims}"] * (value.expected_dims is not None)
    options += [f'name="{value.name}"'] * bool(value.name)
    return f"split({', '.join([str(value.dim), *options])})"


def _gather(value: Gather) -> str:
    plain = value.of == ("hidden_states",)
    return f"gather({value.dim})" if plain else f"gather({value.dim}, {_streams(value.of)})"


def _attention(value: Attention) -> str:
    query = [_flat(name) for name in value.query]
    if value.keys == value.query:
        return f"attention({', '.join(query)})"
    return f"attention({', '.join([*query, f'keys={_streams(value.keys)}'])})"


def _packed(value: Style) -> str:
    kind = "packed_colwise" if value.cut == "out" else "packed_rowwise"
    return f"{kind}({', '.join(map(str, value.blocks))})"


def _streams(names: tuple[str, ...]) -> str:
    return _flat(names[0] if len(names) == 1 else names)


SHORT: dict[type, Any] = {
    Split: _split,
    Gather: _gather,
    Attention: _attention,
    Style: _packed,
}
