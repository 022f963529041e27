"""Where a model over ranks first differs from the same model on one process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from cache_dit.verify.outputs import difference
from cache_dit.verify.zoo.tensors import tensors

Key = tuple[str, int]
"""A module's name, and which of its calls."""


@dataclass
class Seen:
    """One call of a module: within which other call, and copies of what went in and came out."""

    around: Key | None
    inputs: list[torch.Tensor]
    outputs: list[torch.Tensor] = field(default_factory=list)


Calls = dict[Key, Seen]
"""In the order in which they end: what runs within a module comes before it."""


@contextmanager
def watched(model: nn.Module) -> Iterator[Calls]:
    """Within it, the calls of all modules are noted in what it gives."""
    calls: Calls = {}
    running: list[tuple[Key, Seen]] = []
    counts: Counter[str] = Counter()

    def before(name: str, module: nn.Module, args: Any, kwargs: Any) -> None:
        counts[name] += 1
        around = running[-1][0] if running else None
        running.append(((name, counts[name]), Seen(around, _copies((args, kwargs)))))

    def after(module: nn.Module, args: Any, output: Any) -> None:
        key, seen = running.pop()
        seen.outputs = _copies(output)
        calls[key] = seen

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            begin = module.register_forward_pre_hook(partial(before, name), with_kwargs=True)
            hooks.callback(begin.remove)
            hooks.callback(module.register_forward_hook(after).remove)
        yield calls


def _copies(value: Any) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in tensors(value)]


def first_difference(alone: Calls, by_rank: Sequence[Calls], tolerance: float) -> str:
    """Which module is the first to differ and what that means, in sentences; empty if none does.

    Args:
        alone: what was watched on one process.
        by_rank: what was watched on each rank.
        tolerance: the largest relative error that is none.
    """

    def right(key: Key, what: str) -> bool | None:
        if any(key not in calls for calls in by_rank):
            return None
        one, *parts = (getattr(calls[key], what) for calls in (alone, *by_rank))
        return _alike(one, parts, tolerance)

    for key in alone:
        differs = bool(key[0]) and right(key, "outputs") is False
        if differs and not (right(key, "inputs") and _added_up(key, alone, by_rank, tolerance)):
            return _told(alone, key, lambda each: right(each, "inputs") is True)
    return ""


def _told(alone: Calls, first: Key, enters_right: Callable[[Key], bool]) -> str:
    place: Key | None = first
    while place is not None and not enters_right(place):
        place = alone[place].around
    name, holder = first[0], place[0] if place else ""
    if place == first:
        return (
            f"The first difference: {name}, whose inputs are right: what the plan says about it, "
            "or does not say, is wrong."
        )
    if holder:
        return (
            f"The first difference: {name} in {holder}, whose inputs are right: what the plan says "
            f"about {holder} and what is in it, or does not say, is wrong."
        )
    return (
        f"The first difference: {name}, whose input differs already: look at what the loop does "
        "before it, such as a mean or another mix over a stream that is split. Gather that stream "
        "before, and split it again behind."
    )


def _added_up(key: Key, alone: Calls, by_rank: Sequence[Calls], tolerance: float) -> bool:
    """Whether what the ranks have makes up the output as a sum, which the plan takes later."""
    one, *parts = (calls[key].outputs for calls in (alone, *by_rank))
    if any(part.shape != each.shape for p in parts for part, each in zip(p, one, strict=True)):
        return False
    sums = [torch.stack(each).sum(0) for each in zip(*parts, strict=True)]
    return difference(sums, one) <= tolerance


def _alike(
    alone: list[torch.Tensor], parts: list[list[torch.Tensor]], tolerance: float
) -> bool | None:
    """Whether the ranks have what one process has; None where only the plan could tell."""
    if any(len(each) != len(alone) for each in parts):
        return None
    several = [
        _same(one, list(each), tolerance)
        for one, each in zip(alone, zip(*parts, strict=True), strict=True)
    ]
    return False if False in several else None if None in several else True


def _same(alone: torch.Tensor, parts: list[torch.Tensor], tolerance: float) -> bool | None:
    """Likewise for one tensor; a joint sequence or packed width may be in another order."""
    if all(part.shape == alone.shape for part in parts):
        return all(difference([part], [alone]) <= tolerance for part in parts)
    if any(part.dim() != alone.dim() for part in parts):
        return None
    sizes = torch.tensor([part.shape for part in parts])
    cut = (sizes != torch.tensor(alone.shape)).any(0).nonzero().flatten().tolist()
    if len(cut) != 1 or int(sizes[:, cut[0]].sum()) != alone.shape[cut[0]]:
        return None
    joined = torch.cat(parts, cut[0])
    if difference([joined], [alone]) <= tolerance:
        return True
    ordered = [_ordered(each, cut[0]) for each in (joined, alone)]
    return difference(ordered[:1], ordered[1:]) <= tolerance


def _ordered(tensor: torch.Tensor, dim: int) -> torch.Tensor:
    """Entries along ``dim`` in an order that depends on nothing but what they are."""
    rows = tensor.movedim(dim, 0).flatten(1)
    weights = torch.linspace(1.0, 2.0, rows.shape[1], dtype=rows.dtype).cos()
    return rows[(rows @ weights).argsort()]
