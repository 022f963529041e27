"""Settings of ``torch.compile`` that suit a cached transformer."""

from __future__ import annotations


def set_compile_configs(recompile_limit: int = 1024) -> None:
    """Let ``torch.compile`` keep more versions of a function before it gives up.

    Models with many block shapes (resolutions, text lengths, branches) pass dynamo's default limit
    of 8. This sets dynamo's process-wide limits, and is the only function here that does.

    Args:
        recompile_limit: versions of one function; eight times as many in all.
    """
    import torch._dynamo.config as dynamo  # noqa: PLC0415 - loads dynamo, not needed on import

    dynamo.recompile_limit = recompile_limit
    dynamo.accumulated_recompile_limit = 8 * recompile_limit
