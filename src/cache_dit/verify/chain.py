"""Blocks under one decision, in the order in which a model runs them."""

from __future__ import annotations

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
    """

    lists: tuple[BlockList, ...]
    places: tuple[Place, ...]

    @classmethod
    def of(cls, lists: Sequence[BlockList], running: Sequence[Place]) -> Chain:
        """The chain of these lists, given the block calls of one forward.

        A block that was not called has its place behind the one before it in its list.
        """
        position = {place: number for number, place in reversed(list(enumerate(running)))}
        ordered: list[tuple[int, Place]] = []
        for each in lists:
            last = -1
            for index in range(len(each.references)):
                last = position.get((each.name, index), last)
                ordered.append((last, (each.name, index)))
        ordered.sort(key=lambda entry: entry[0])
        return cls(tuple(lists), tuple(place for _, place in ordered))

    def __len__(self) -> int:
        return len(self.places)

    @property
    def border(self) -> int:
        """How many blocks run before one of another list does; half of them if none does."""
        first = self.places[0][0]
        behind = (number for number, (name, _) in enumerate(self.places) if name != first)
        return next(behind, max(1, len(self) // 2))
