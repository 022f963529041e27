"""Names of modules in plans: ``*`` for one part of a dotted name, ``{a,b}`` for either."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

from torch import nn


def expand(pattern: str) -> list[str]:
    """The patterns that one with braces stands for: ``"{a,b}.c"`` for ``"a.c"`` and ``"b.c"``."""
    parts = re.split(r"\{([^}]*)\}", pattern)
    choices = [part.split(",") if at % 2 else [part] for at, part in enumerate(parts)]
    return ["".join(chosen) for chosen in product(*choices)]


def matches(pattern: str, model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module of all that a pattern means; a negative number counts from the end."""
    for alternative in expand(pattern):
        yield from _walk(alternative, model)


def _walk(pattern: str, model: nn.Module) -> list[tuple[str, nn.Module]]:
    found: list[tuple[str, nn.Module]] = [("", model)]
    for part in pattern.split(".") if pattern else ():
        deeper: list[tuple[str, Any]] = []
        for name, module in found:
            children = dict(module.named_children())
            key = str(len(children) + int(part)) if re.fullmatch(r"-\d+", part) else part
            wanted = list(children) if key == "*" else [key] * (key in children)
            deeper += [(f"{name}.{each}".lstrip("."), children[each]) for each in wanted]
        found = deeper
    return found
