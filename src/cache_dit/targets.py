"""What users hand over, a pipeline, an adapter or a transformer, and what is meant by it."""

from __future__ import annotations

from typing import Any

from torch import nn

from .caching.block_adapters import BlockAdapter, BlockAdapterRegister
from .parallelism import ParallelismConfig, extra_modules

_UNKNOWN: dict[str, Any] = {"chained": True, "has_separate_cfg": True}
"""What holds for a model that nobody registered: calls within one step are told apart, in case they
are the conditional and the unconditional one."""


def adapter_of(target: Any) -> BlockAdapter:
    """The adapter to cache with: the one given, the registered one, or one that finds the blocks.

    Raises:
        ValueError: neither a pipeline, nor an adapter, nor a transformer.
    """
    if isinstance(target, BlockAdapter):
        return target
    if (what := _no_model(target)) is not None:
        raise ValueError(
            f"enable_cache: got {what}. Give the pipeline, a BlockAdapter or the transformer "
            "itself."
        )
    try:
        return BlockAdapterRegister.get_adapter(target)
    except ValueError:
        if isinstance(target, nn.Module):
            return BlockAdapter(transformer=target, auto=True, **_UNKNOWN)
        if isinstance(getattr(target, "transformer", None), nn.Module):
            return BlockAdapter(pipe=target, auto=True, **_UNKNOWN)
        raise


def _no_model(target: Any) -> str | None:
    """How a message calls what cannot be a model; None for what may be one."""
    if isinstance(target, str):
        return f"the name {target!r}"
    if isinstance(target, type):
        return f"the class {target.__name__}"
    if isinstance(target, (list, tuple, dict, int)):
        return f"a {type(target).__name__}"
    return "None" if target is None else None


def transformers_of(target: Any) -> list[nn.Module]:
    """The transformers that are to be spread over devices."""
    if isinstance(target, nn.Module):
        return [target]
    if isinstance(target, BlockAdapter):
        return [each.transformer for each in target.transformers()]
    components = getattr(target, "components", None)
    components = components if isinstance(components, dict) else getattr(target, "__dict__", {})
    found = [each for name, each in components.items() if name.startswith("transformer")]
    return [each for each in found if isinstance(each, nn.Module)]


def to_spread(target: Any) -> list[nn.Module]:
    """Like `transformers_of`.

    Raises:
        ValueError: there are none.
    """
    if transformers := transformers_of(target):
        return transformers
    raise ValueError(
        f"enable_cache: {type(target).__name__} has no transformer to spread. Give a pipeline "
        "with one, a BlockAdapter or the transformer itself."
    )


def extra_of(target: Any, config: ParallelismConfig) -> tuple[list[nn.Module], Any]:
    """The further modules that a config names, and the pipeline that has them."""
    owner = target.pipe if isinstance(target, BlockAdapter) else target
    return extra_modules(owner, config), owner
