"""A run of blocks that may be skipped together: what a denoising step is made of.

Everything else in the cache decides *whether* to skip; this file is *how*.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..intercept import Call
from .block_streams import BlockStreams, Streams
from .held import Held
from .state import History


class Region:
    """Blocks of a group that run from one form of the streams back to the same form.

    A call of such a block goes through `compute` or through `skip`. On a computed step the region
    notes the streams that enter its first block and learns what its last block makes of them; on a
    reused step the prediction is made when the first block is called, from the streams that enter
    it, and handed out when the last one is. In between the model's own loop runs on what went in,
    so whatever it adds between two blocks is neither lost nor counted twice.

    Args:
        indices: places of the blocks in the group, in the order in which they run.
    """

    def __init__(self, indices: Sequence[int]) -> None:
        self.indices = indices
        self.first, self.last = indices[0], indices[-1]
        self.beside = [self]  # regions of other streams, which only make sense together
        self.copies = False  # a block was seen to write into its input
        self.histories: list[History] = []
        self.begin(self.histories, 0, learns=False)

    def begin(self, histories: list[History], step: int, *, learns: bool) -> None:
        """A new pass over the blocks, with the histories of its branch."""
        self.histories = histories
        self.step = step
        self.learns = learns
        self.skipping: bool | None = None  # decided at the first block of the pass
        self.entry: list[Held | None] | None = None
        self.prediction: Streams | None = None

    def ready(self, streams: Streams) -> bool:
        """Whether something was learned, and can be predicted from these streams."""
        for region in self.beside:
            if not (region.histories and region.histories[0]):
                return False
        for history, stream in zip(self.histories, streams, strict=True):
            if history and not history.fits(stream):
                return False
        return True

    def compute(
        self,
        io: BlockStreams,
        call: Call,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        last: bool,
    ) -> Any:
        """Run the block; learn when it is the last one."""
        if self.entry is None and self.learns:
            streams = io.read(args, kwargs)
            self.entry = [None if s is None else Held.of(s, self.copies) for s in streams]
        output = call(*args, **kwargs)
        if self.learns:
            left = io.unpack(output)  # of each block: it notes the form in which to stand in
            if last:
                self._learn(left)
        return output

    def skip(
        self, io: BlockStreams, args: tuple[Any, ...], kwargs: dict[str, Any], *, last: bool
    ) -> Any:
        """Stand in for the block."""
        streams = io.read(args, kwargs)
        if self.prediction is None:
            self.prediction = self._predict(streams)
        if last:
            streams, self.prediction = self.prediction, None
        elif io.adds_encoder:
            streams = streams[0], self.prediction[1]
        return io.pack(streams)

    def _learn(self, left: Streams) -> None:
        entry, self.entry = self.entry or [None, None], None
        if any(held is not None and not held.intact for held in entry):
            self.copies = True
            for history in self.histories:
                history.clear()
            return
        for history, held, stream in zip(self.histories, entry, left, strict=True):
            if stream is None:
                history.clear()
            else:
                history.learn(self.step, held.tensor if held else None, stream)

    def _predict(self, streams: Streams) -> Streams:
        hidden, encoder = [
            history.predict(self.step, stream) if history else None
            for history, stream in zip(self.histories, streams, strict=True)
        ]
        return hidden, encoder
