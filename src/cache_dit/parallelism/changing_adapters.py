"""Models over ranks take adapters, such as LoRA, as any others: whole while these change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..intercept import Call, Interception, intercept, original_class, uncompiled

CHANGES = (
    *("load_lora_weights", "unload_lora_weights"),  # of pipelines
    *("load_ip_adapter", "unload_ip_adapter"),
    *("load_lora_adapter", "add_adapter", "unload_lora", "delete_adapters"),  # of diffusers' models
    *("load_adapter", "delete_adapter"),  # of transformers' models
)
"""Methods that put other layers in the place of a model's own, or these back."""


def takes_adapters(owner: Any) -> bool:
    """Whether an object has such methods."""
    return any(hasattr(original_class(owner), name) for name in CHANGES)


def whole_while_adapters_change(
    owner: Any, restore: Callable[[], None], spread: Callable[[], None]
) -> Interception:
    """``restore()`` and ``spread()`` run before and after every call that changes adapters.

    Such calls look at the shapes of layers, and replace them with all that was put on them.
    """

    def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        restore()
        try:
            return call(*args, **kwargs)
        finally:
            spread()

    run, cls = uncompiled(around), original_class(owner)
    methods: dict[str, Any] = {name: run for name in CHANGES if hasattr(cls, name)}
    return intercept(owner, **methods)
