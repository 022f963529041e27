"""Block lists that take turns: in which order their blocks run."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import groupby
from typing import TypeVar

Interleaved = bool | tuple[str, ...]
"""True: one block of each list in turn. Names of lists: in this order, over and over."""

B = TypeVar("B", bound=Hashable)


def in_turn(lists: Mapping[str, Mapping[int, B]], round_: Interleaved) -> list[B]:
    """The blocks of some lists in the order in which they run.

    Args:
        lists: name -> place in the list -> block.
        round_: who comes after whom. With True, blocks of equal place belong together.

    Raises:
        ValueError: a list that never has its turn.
    """
    if not isinstance(round_, tuple):
        rows = [(place, block) for each in lists.values() for place, block in each.items()]
        return [block for _, block in sorted(rows, key=lambda row: row[0])]
    left = {name: list(each.values()) for name, each in lists.items()}
    if missing := [name for name, each in left.items() if each and name not in round_]:
        raise ValueError(
            f"BlockAdapter: interleaved={round_} never comes to {', '.join(missing)}. Name the "
            "lists of a round in the order in which their blocks run."
        )
    ordered = []
    while any(left.values()):
        for name in round_:
            if left.get(name):
                ordered.append(left[name].pop(0))
    return ordered


def round_of(running: Sequence[str]) -> Interleaved:
    """The shortest round that has these lists run in this order; False where none takes turns."""
    names = list(dict.fromkeys(running))
    if len([name for name, _ in groupby(running)]) == len(names):
        return False
    lists = {name: _numbered(running, name) for name in names}
    for length in range(len(names), len(running) + 1):
        round_ = tuple(running[:length])
        if set(round_) == set(names) and in_turn(lists, round_) == list(enumerate(running)):
            return True if length == len(names) == len(set(round_)) and _alike(lists) else round_
    raise AssertionError("all of them, in order, are a round")


def _numbered(running: Sequence[str], name: str) -> dict[int, tuple[int, str]]:
    """Place in the list -> (number in the order of running, name)."""
    own = [(number, each) for number, each in enumerate(running) if each == name]
    return dict(enumerate(own))


def _alike(lists: Mapping[str, Mapping[int, B]]) -> bool:
    return len({len(each) for each in lists.values()}) == 1
