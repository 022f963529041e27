"""What another cache on the same model has to say about skipping blocks."""

from __future__ import annotations

from torch import nn


def refuse_another_cache(transformer: nn.Module) -> None:
    """Raise `ValueError` where a cache of diffusers' own is enabled on the transformer.

    Its hooks lie below the interception: on reused steps it would miss the calls that it counts.
    """
    if getattr(transformer, "is_cache_enabled", False):
        kind = type(getattr(transformer, "_cache_config", None)).__name__
        raise ValueError(
            f"{type(transformer).__name__}: diffusers' own cache is enabled ({kind}), and two "
            "caches do not know of each other. Call transformer.disable_cache() first, or "
            "cache_dit.disable_cache to keep that one."
        )
