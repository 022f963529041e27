"""Follow the calls of a pipeline: each begins a run, and tells how long it will be."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Sequence
from typing import Any

from ..intercept import Call, Interception, intercept, original_class, uncompiled
from .denoiser import Denoiser

CALL_LEVEL = 100  # further out than what splits the inputs of a transformer between ranks


def reference_to(pipe: Any) -> weakref.ref[Any] | None:
    """A reference to a pipeline that can be followed; None for what only holds a transformer."""
    try:
        return weakref.ref(pipe) if callable(pipe) else None
    except TypeError:
        return None


def follow(pipe: Any, denoisers: Sequence[Denoiser]) -> Interception:
    """Have every call of ``pipe`` begin a run of the denoisers, and drop all stored at its end.

    A call inside another one, as a callback makes it, takes the place of the outer call's run; what
    is left of that starts with nothing stored.
    """
    followed = weakref.ref(pipe)

    def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        pipe = followed()
        requested = _requested_steps(pipe, args, kwargs)

        def steps() -> int | None:
            return getattr(pipe, "_num_timesteps", None) or _scheduled_steps(pipe, requested)

        outer = [(each.pipeline_steps, each.scheduler) for each in denoisers]
        for denoiser in denoisers:
            denoiser.begin_run()
            denoiser.pipeline_steps = steps
            denoiser.scheduler = getattr(pipe, "scheduler", None)
        try:
            return call(*args, **kwargs)
        finally:
            for denoiser, before in zip(denoisers, outer, strict=True):
                denoiser.pipeline_steps, denoiser.scheduler = before
                denoiser.release_tensors()

    return intercept(pipe, level=CALL_LEVEL, __call__=uncompiled(around))


def _scheduled_steps(pipe: Any, requested: int | None) -> int | None:
    """Calls of the model in a loop of so many steps: some schedulers evaluate a step twice."""
    scheduler: Any = getattr(pipe, "scheduler", None)
    if requested is None or getattr(scheduler, "num_inference_steps", None) != requested:
        return requested
    return len(scheduler.timesteps)


def _requested_steps(pipe: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    try:
        bound = inspect.signature(original_class(pipe).__call__).bind(pipe, *args, **kwargs)
    except TypeError:  # the call itself will say what is wrong with its arguments
        return None
    bound.apply_defaults()
    steps = bound.arguments.get("num_inference_steps")
    return steps if isinstance(steps, int) else None
