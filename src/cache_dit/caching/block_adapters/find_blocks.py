"""Find block lists and their pattern from the structure of a transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from ..forward_pattern import ForwardPattern

if TYPE_CHECKING:
    from .block_adapter import BlockAdapter


def find_blocks(transformer: nn.Module, adapter: BlockAdapter) -> list[tuple[str, ForwardPattern]]:
    """Names and patterns of the block lists that are cached.

    Raises:
        ValueError: no list of blocks, or several that fit equally well.
    """
    raise ValueError(f"{type(transformer).__name__}: automatic detection is not built yet.")
