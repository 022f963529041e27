"""What offloading of weights has to say about skipping blocks."""

from __future__ import annotations

from typing import Any

from torch import nn

PREFETCHING = ("lazy_prefetch_group_offloading", "layer_execution_tracker")


def refuse_prefetching(transformer: nn.Module) -> None:
    """Raise `ValueError` where each group of weights is fetched by the group before it.

    diffusers' group offloading with ``use_stream=True`` has every block fetch the weights of the
    next one; a block after a skipped one would find its weights missing.
    """
    for name, module in transformer.named_modules():
        registry = getattr(module, "_diffusers_hook", None)
        hooks: dict[str, Any] = getattr(registry, "hooks", {})
        group = getattr(hooks.get("group_offloading"), "group", None)
        chained = getattr(group, "stream", None) is not None
        if chained or any(kind in hooks for kind in PREFETCHING):
            raise ValueError(
                f"{type(transformer).__name__}: group offloading with prefetching "
                f"(use_stream=True) is on at {name or 'the model'}; it needs every block to run, "
                "and the cache skips some. Use enable_group_offload(..., use_stream=False), or "
                "model or sequential CPU offload."
            )
