"""The blocks of a group, and which of them are head, regions and tail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .block_streams import BlockStreams
from .region import Region


@dataclass(frozen=True)
class Slot:
    """A block in its place.

    Attributes:
        io: how its streams are read and returned.
        segment: streams have the same form before and behind all blocks of one segment. A chain of
            lists has several where states are concatenated between two lists, for example.
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
        own_streams: the blocks of each segment change a stream of their own, that no other does.
    """

    slots: Sequence[Slot]
    first: int
    last: int
    start: int | None
    long_skip: str | None = None
    own_streams: bool = False

    @classmethod
    def of(
        cls,
        slots: Sequence[Slot],
        front: int,
        behind: int,
        long_skip: str | None = None,
        own_streams: bool = False,
    ) -> Layout:
        """The layout of DBCache: the first ``front`` and the last ``behind`` blocks always run."""
        segment = slots[front - 1].segment
        start = next(i for i, slot in enumerate(slots) if slot.segment == segment)
        return cls(slots, front, len(slots) - behind - 1, start, long_skip, own_streams)

    def regions(self) -> list[Region]:
        """The blocks that may be skipped, cut where streams leave in another form than they came.

        A region runs from the first block of a segment to its last one, over whatever lies between
        them: that works on the same stream. Where streams are apart, it does not belong to it.
        """
        regions = []
        left = list(range(self.first, self.last + 1))
        while left:
            segment = self.slots[left[0]].segment
            same = [index for index in left if self.slots[index].segment == segment]
            indices = same if self.own_streams else list(range(same[0], same[-1] + 1))
            left = [index for index in left if index not in indices]
            regions.append(Region(indices))
        for region in regions if self.own_streams else ():
            region.beside = regions
        return regions

    def mirrored(self) -> list[int]:
        """Blocks behind the regions whose long skip comes from a block that may be skipped."""
        if self.long_skip is None:
            return []
        behind = range(self.last + 1, len(self.slots))
        return [i for i in behind if self.first <= len(self.slots) - 1 - i <= self.last]
