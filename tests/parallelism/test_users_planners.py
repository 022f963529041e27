"""What users register from outside of the package works as what comes with it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from cache_dit.parallelism import (
    AutoEncoderDataParallelismPlanner,
    ControlNetContextParallelismPlanner,
    ParallelismConfig,
    TilePlan,
    split,
)
from cache_dit.verify import autoencoders, zoo
from cache_dit.verify.ranks import ranks
from tests.parallelism import user_jobs

ALONE = ParallelismConfig(ulysses_size=1)


@pytest.mark.parametrize("planner", [user_jobs.OfDiffusers, user_jobs.Unchanged])
def test_a_plan_in_diffusers_format_needs_no_attention(planner: Any) -> None:
    for error, sent in ranks(2).run(user_jobs.spread, planner, "WanTransformer3DModel"):
        assert error < 1e-9
        assert sent


@pytest.mark.parametrize("config", [{"ulysses_size": 2}, {"ring_size": 2}], ids=["ulysses", "ring"])
def test_the_order_of_streams_in_an_attention_matters_to_a_mask_only(
    config: dict[str, int],
) -> None:
    """So that the guide may say so: without one, attention does not know where its keys stood."""
    name = "ChromaTransformer2DModel"
    without_mask = partial(user_jobs.backwards, attention_mask=None)
    assert max(ranks(2).run(without_mask, name, config)) < 1e-9
    assert min(ranks(2).run(user_jobs.backwards, name, config)) > 1e-3


def test_a_planner_that_returns_the_module_is_told_what_to_return() -> None:
    model = zoo.get("WanTransformer3DModel").build()
    with pytest.raises(ValueError, match=r"ReturnsTheModule.apply returned a Wan.*not a plan"):
        user_jobs.ReturnsTheModule().prepare(model, ALONE)


def test_a_plan_of_a_users_controlnet_planner_is_followed() -> None:
    class Mine(ControlNetContextParallelismPlanner):
        def apply(self, module: torch.nn.Module, parallelism_config: Any, **kwargs: Any) -> Any:
            return {"no.such.module": split(1)}

    with pytest.raises(ValueError, match=r"no\.such\.module"):
        Mine().prepare(torch.nn.Linear(2, 2), ALONE)


def test_a_plan_of_a_users_autoencoder_planner_is_followed() -> None:
    class Mine(AutoEncoderDataParallelismPlanner):
        def apply(self, module: torch.nn.Module, parallelism_config: Any, **kwargs: Any) -> Any:
            return TilePlan(workers=("no_such_worker",))

    vae = autoencoders.TILED["AutoencoderKL"].build()
    with pytest.raises(ValueError, match="no_such_worker"):
        Mine().prepare(vae, ALONE)
