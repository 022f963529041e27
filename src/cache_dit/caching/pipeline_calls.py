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
        former = _timesteps(pipe)

        def steps() -> int | None:
            told = getattr(pipe, "_num_timesteps", None)
            return told or _scheduled_steps(pipe, requested, former)

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


def _timesteps(pipe: Any) -> Any:
    return getattr(getattr(pipe, "scheduler", None), "timesteps", None)


def _scheduled_steps(pipe: Any, requested: int | None, former: Any) -> int | None:
    """Calls of the model in a loop of so many steps: some schedulers evaluate a step twice.

    Where no number is requested, the scheduler's is taken if it was set since the ``former``
    timesteps of an earlier call.
    """
    timesteps = _timesteps(pipe)
    if requested is None:
        return None if timesteps is None or timesteps is former else len(timesteps)
    told = getattr(getattr(pipe, "scheduler", None), "num_inference_steps", None)
    return len(timesteps) if told == requested and timesteps is not None else requested


def _requested_steps(pipe: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    try:
        bound = inspect.signature(original_class(pipe).__call__).bind(pipe, *args, **kwargs)
    except TypeError:  # the call itself will say what is wrong with its arguments
        return None
    bound.apply_defaults()
    steps = (bound.arguments | kwargs).get("num_inference_steps")
    return steps if isinstance(steps, int) else None
