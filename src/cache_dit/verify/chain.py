"""Blocks under one decision, in the order in which a model runs them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cache_dit.caching.block_adapters.block_lists import BlockList

Place = tuple[str, int]
"""A block: the name of its list, and its index there."""


@dataclass(frozen=True)
class Chain:
    """Blocks under one decision.

    Attributes:
        lists: their lists, in the adapter's order.
        places: the blocks, in the order in which they run.
        idle: numbers of those places whose block is left out.
    """

    lists: tuple[BlockList, ...]
    places: tuple[Place, ...]
    idle: frozenset[int]

    @classmethod
    def of(cls, lists: Sequence[BlockList], running: Sequence[Place]) -> Chain:
        """The chain of these lists, given the block calls of one forward.

        A block that was not called has its place beside its neighbour in its list.
        """
        position = {place: number for number, place in reversed(list(enumerate(running)))}
        ordered: list[tuple[float, Place]] = []
        for each in lists:
            own = [(each.name, index) for index in range(len(each.references))]
            last = next((position[place] for place in own if place in position), math.inf)
            for place in own:
                last = position.get(place, last)
                ordered.append((last, place))
        ordered.sort(key=lambda entry: entry[0])
        places = tuple(place for _, place in ordered)
        idle = frozenset(n for n, place in enumerate(places) if place not in position)
        return cls(tuple(lists), places, idle)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def border(self) -> int:
        """How many blocks run before one of another list does; half of them if none does."""
        first = self.places[0][0]
        behind = (number for number, (name, _) in enumerate(self.places) if name != first)
        return next(behind, max(1, len(self) // 2))
