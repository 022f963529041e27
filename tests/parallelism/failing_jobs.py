"""Runs in which one rank fails: what the tests run on every rank at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

import cache_dit
from cache_dit import ParallelismConfig
from cache_dit.demo import EmojiPipeline, load_demo_pipeline
from cache_dit.parallelism.failure import Failures
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.spread import Spread
from tests.parallelism.jobs import refused_kernel

STEPS, FAILING = 6, 5
PLACE = "transformer_blocks.1.attn"


def run(pipe: EmojiPipeline, at_the_end: Callable[..., Any] | None = None) -> np.ndarray:
    """One picture, of so many steps."""
    drawn = pipe(
        "flat cat",
        num_inference_steps=STEPS,
        guidance_scale=1,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        callback_on_step_end=at_the_end,
    )
    return np.asarray(drawn.images)


def failing_in_step_5(config: dict[str, Any], rank: int) -> tuple[str, int, float, float]:
    """A rank raises within the model in step 5.

    Returns:
        What the run ends with here, its finished steps, and errors of later runs: on this process
        alone, and over ranks again.
    """
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    spread, steps = ParallelismConfig(**config), []
    expected = run(pipe)
    cache_dit.enable_cache(pipe, parallelism_config=spread)
    calls: list[Any] = []

    def fail(module: nn.Module, args: Any) -> None:
        calls.append(module)
        if len(calls) == FAILING:
            raise ArithmeticError("this went wrong")

    mine = Mesh.of(spread).sample.rank == rank
    with _hooked(pipe.transformer.get_submodule(PLACE), fail if mine else None):
        said = _ending(lambda: run(pipe, lambda *state: steps.append(state[1]) or {}))
    cache_dit.disable_cache(pipe)
    alone = run(pipe)
    cache_dit.enable_cache(pipe, parallelism_config=spread)
    again = run(pipe)
    cache_dit.disable_cache(pipe)
    errors = [float(np.abs(each - expected).max()) for each in (alone, again)]
    return said, len(steps), *errors


def failing_between_steps(config: dict[str, Any], rank: int) -> str:
    """What a run ends with here, where a rank raises between the calls of the model."""
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    spread = ParallelismConfig(**config)
    cache_dit.enable_cache(pipe, parallelism_config=spread)

    def fail(pipe: Any, step: int, *state: Any) -> dict[str, Any]:
        if step + 1 == FAILING:
            raise ArithmeticError("this went wrong")
        return {}

    mine = Mesh.of(spread).sample.rank == rank
    return _ending(lambda: run(pipe, fail if mine else None))


def failing_behind_the_last_exchange(rank: int) -> list[str]:
    """What two calls end with here, where a rank raises at the end of the first."""
    channel = Mesh.of(ParallelismConfig(ulysses_size=2)).context
    failures = Failures("SomeModel", channel)

    def call() -> None:
        channel.all_reduce(torch.zeros(1))
        if channel.rank == rank:
            raise ArithmeticError("this went wrong")

    times = 1 if channel.rank == rank else 2
    return [_ending(lambda: failures.around(call, (), {})) for _ in range(times)]


def failing_alone(rank: int) -> None:
    """One rank raises while the others wait for it."""
    channel = Mesh.of(ParallelismConfig(ulysses_size=2)).context
    if channel.rank == rank:
        raise ArithmeticError("this went wrong")
    channel.all_reduce(torch.zeros(1))


def errors_of_two_models() -> list[str]:
    """What each rank says of an error in one model, and of one in the next of the same class."""
    said = []
    for which in ("the first", "the second"):
        failures = Failures("SomeModel", Mesh.of(ParallelismConfig(ulysses_size=2)).context)
        said.append(_ending(lambda: failures.around(_raise, (which,), {})))  # noqa: B023 - called now
    return said


def _raise(what: str) -> None:
    raise RuntimeError(what)


def _ending(work: Callable[[], Any]) -> str:
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


@contextmanager
def _hooked(module: nn.Module, hook: Callable[..., None] | None) -> Iterator[None]:
    handle = module.register_forward_pre_hook(hook) if hook else None
    yield
    if handle:
        handle.remove()


def failing_while_one_is_enabling(rank: int) -> str:
    """Each rank fails by itself in the model, one of them a while after the others."""
    adopt = Spread.adopt

    def late(spread: Spread) -> None:
        time.sleep(dist.get_rank() == rank)
        adopt(spread)

    with patch.object(Spread, "adopt", late):
        return refused_kernel("WanTransformer3DModel", {"ring_size": 2})
