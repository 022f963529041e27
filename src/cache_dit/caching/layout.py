"""The blocks of a group, and which of them are head, regions and tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from .block_streams import BlockStreams
from .region import Region


@dataclass(frozen=True)
class Slot:
    """A block in its place.

    Attributes:
        io: how its streams are read and returned.
        segment: streams keep their form between the blocks of one segment. A chain of lists has
            several where states are concatenated between two lists, for example.
    """

    io: BlockStreams
    segment: int


@dataclass(frozen=True)
class Layout:
    """Which slots of a group are what.

    Attributes:
        slots: all blocks of the group, in the order in which they run.
        first: index of the first block that may be skipped.
        last: index of the last one; below ``first`` if there is none.
        start: index of the block whose input the signal is measured from; None to take the stream
            that enters ``first`` as the signal.
        long_skip: parameter by which a block takes the output of its mirror image in the front
            half (U-Net skips), if the model has that.
    """

    slots: Sequence[Slot]
    first: int
    last: int
    start: int | None
    long_skip: str | None = None

    @classmethod
    def of(
        cls, slots: Sequence[Slot], front: int, behind: int, long_skip: str | None = None
    ) -> Layout:
        """The layout of DBCache: the first ``front`` and the last ``behind`` blocks always run."""
        segment = slots[front - 1].segment
        start = next(i for i, slot in enumerate(slots) if slot.segment == segment)
        return cls(slots, front, len(slots) - behind - 1, start, long_skip)

    def regions(self) -> list[Region]:
        """One region for each segment among the blocks that may be skipped."""
        skippable = range(self.first, self.last + 1)
        runs = groupby(skippable, key=lambda index: self.slots[index].segment)
        indices = [list(run) for _, run in runs]
        return [Region(run[0], run[-1]) for run in indices]

    def mirrored(self) -> list[int]:
        """Blocks behind the regions whose long skip comes from a block that may be skipped."""
        if self.long_skip is None:
            return []
        behind = range(self.last + 1, len(self.slots))
        return [i for i in behind if self.first <= len(self.slots) - 1 - i <= self.last]
