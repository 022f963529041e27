"""Which blocks really ran, seen from below whatever is put around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.verify.chain import Place


@dataclass(frozen=True)
class BlockCall:
    """One call of a block: its place, and how many values it returned."""

    blocks: str
    index: int
    returned: int


class BlockCalls:
    """Follows the blocks of some lists by forward hooks, as a context manager.

    Attributes:
        calls: all block calls since `clear`, in order.
    """

    def __init__(self, lists: Sequence[BlockList]) -> None:
        self.lists = lists
        self.calls: list[BlockCall] = []
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> BlockCalls:
        for each in self.lists:
            for index, block in enumerate(each.blocks):
                self._handles.append(block.register_forward_hook(self._hook(each.name, index)))
        return self

    def __exit__(self, *exception: object) -> None:
        while self._handles:
            self._handles.pop().remove()

    def clear(self) -> None:
        """Begin to count anew."""
        self.calls.clear()

    def counts(self) -> Counter[Place]:
        """How often each block ran."""
        return Counter((call.blocks, call.index) for call in self.calls)

    def _hook(self, blocks: str, index: int) -> Callable[[nn.Module, Any, Any], None]:
        def note(module: nn.Module, args: Any, output: Any) -> None:
            returned = len(output) if isinstance(output, (list, tuple)) else 1
            self.calls.append(BlockCall(blocks, index, returned))

        return note
