"""What offloading of weights has to say about skipping blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

PREFETCHING = ("lazy_prefetch_group_offloading", "layer_execution_tracker")


def refuse_shared_offloading(transformer: nn.Module, blocks: Iterable[nn.Module]) -> None:
    """Raise `ValueError` where the weights of a block are fetched by another block.

    diffusers' group offloading has the first block of a group fetch the weights of all, and with
    ``use_stream=True`` every block those of the next one. A block after a skipped one would run
    without its weights.
    """
    skippable = {id(block) for block in blocks}
    for name, module in transformer.named_modules():
        registry = getattr(module, "_diffusers_hook", None)
        hooks: dict[str, Any] = getattr(registry, "hooks", {})
        group = getattr(hooks.get("group_offloading"), "group", None)
        prefetched = getattr(group, "stream", None) is not None
        if prefetched or any(kind in hooks for kind in PREFETCHING):
            raise _refusal(transformer, name, "prefetching (use_stream=True)", "use_stream=False")
        size = len(getattr(group, "modules", ()))
        if id(module) in skippable and size > 1:
            raise _refusal(transformer, name, f"{size} blocks a group", "num_blocks_per_group=1")


def _refusal(transformer: nn.Module, name: str, found: str, remedy: str) -> ValueError:
    return ValueError(
        f"{type(transformer).__name__}: group offloading with {found} is on at "
        f"{name or 'the model'}; it needs every block to run, and the cache skips some. Use "
        f"enable_group_offload(..., {remedy}), or model or sequential CPU offload."
    )
