"""How long a run is, as far as the call of a pipeline tells it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit import DBCacheConfig, enable_cache
from tests.caching.toys import GainTransformer

MASKED = DBCacheConfig(
    Fn_compute_blocks=1, steps_computation_mask="fast", steps_computation_policy="static"
)
OF_EIGHT = [4, 4, 1, 4, 1, 1, 1, 4]


class Pipeline:
    """A denoising loop whose arguments have no names, over the timesteps of a scheduler."""

    def __init__(self) -> None:
        self.transformer = GainTransformer()
        self.scheduler = SimpleNamespace(timesteps=torch.arange(1000), num_inference_steps=None)

    def __call__(self, **kwargs: Any) -> list[int]:
        steps = kwargs.get("num_inference_steps", 8)
        if kwargs.get("sets_timesteps", True):
            self.scheduler.timesteps = torch.linspace(1000, 0, steps)
        return [len(self.transformer.at(1.0, 999.0 - step)[1]) for step in range(steps)]


def test_a_number_among_arguments_without_names() -> None:
    pipe = enable_cache(Pipeline(), MASKED)
    assert pipe(num_inference_steps=8) == OF_EIGHT
    assert pipe(num_inference_steps=1) == [4]


def test_the_schedulers_number_where_none_is_asked_for() -> None:
    pipe = enable_cache(Pipeline(), MASKED)
    assert pipe() == OF_EIGHT
    assert pipe() == OF_EIGHT


def test_timesteps_of_an_earlier_call_say_nothing() -> None:
    pipe = enable_cache(Pipeline(), MASKED)
    assert pipe(sets_timesteps=False) == [4] * 8
