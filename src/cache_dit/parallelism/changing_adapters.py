"""Models over ranks take adapters, such as LoRA, as any others: whole while these change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from ..comm import Channel
from ..intercept import Call, Interception, intercept, original_class, uncompiled
from ..undo import Undo
from .agreement import by_all_ranks

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
    owner: Any, restore: Callable[[], None], spread: Callable[[], None], sample: Channel
) -> Interception:
    """``restore()`` and ``spread()`` run before and after every call that changes adapters.

    Such calls look at the shapes of layers, and replace them with all that was put on them. Where
    one fails on a rank of ``sample``, the adapters of all ranks stay what they were.
    """
    cls = original_class(owner)

    def watched(name: str) -> Any:
        failed = f"{cls.__name__}.{name}: rank {{rank}} could not, so that nothing is changed here."

        def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            restore()
            try:
                undo = Undo(owner, *_parts(owner))
                return by_all_ranks(lambda: call(*args, **kwargs), undo, sample, failed)
            finally:
                spread()

        return uncompiled(around)

    return intercept(owner, **{name: watched(name) for name in CHANGES if hasattr(cls, name)})


def _parts(owner: Any) -> list[nn.Module]:
    """The models of a pipeline."""
    found = getattr(owner, "components", None)
    parts = found.values() if isinstance(found, dict) else ()
    return [each for each in parts if isinstance(each, nn.Module)]
