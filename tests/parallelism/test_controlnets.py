"""ControlNets over two ranks, with transformer and cache, are what they are on one."""

from __future__ import annotations

import inspect

import diffusers
import diffusers.models.controlnets
import pytest
import torch

import cache_dit
from cache_dit import ParallelismConfig
from cache_dit.parallelism.controlnets.context_parallelism import (
    ControlNetContextParallelismPlannerRegister,
)
from cache_dit.verify import controlnets, pipelines
from cache_dit.verify.controlnets import ENTRIES
from cache_dit.verify.ranks import ranks
from tests.installed import verified
from tests.parallelism import jobs

TELLING = [  # one of each way to be split
    "CosmosControlNetModel",  # residuals from within the blocks
    "FluxMultiControlNetModel/union",  # several conditions, a token before the text
    "SD3ControlNetModel/no_text",
    "SanaControlNetModel",  # rows, whose neighbours are looked at
    "ZImageControlNetModel/layers",  # layers that run twice, over image and over both
]
OF_UNETS = {
    "ControlNetModel",
    "ControlNetUnionModel",
    "ControlNetXSAdapter",
    "MultiControlNetModel",
    "MultiControlNetUnionModel",
    "SparseControlNetModel",
    "UNetControlNetXSModel",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TELLING)
def test_two_ranks_give_what_one_process_gives(name: str) -> None:
    report = verified(name, "controlnet")
    assert report.ok, str(report)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ENTRIES)
def test_every_controlnet_over_two_three_and_four_ranks(name: str) -> None:
    report = verified(name, "controlnet", every_setting=True)
    assert report.ok, str(report)


def test_every_controlnet_of_a_transformer_has_an_entry() -> None:
    """A ControlNet of a newer diffusers needs one, or belongs to a UNet."""
    found = {
        name
        for name, member in vars(diffusers.models.controlnets).items()
        if inspect.isclass(member) and issubclass(member, diffusers.ModelMixin)
    }
    known = {entry.class_name for entry in ENTRIES.values()}
    assert found - known == OF_UNETS & found


@pytest.mark.parametrize("name", sorted({entry.class_name for entry in ENTRIES.values()}))
def test_every_controlnet_has_a_planner(name: str) -> None:
    assert ControlNetContextParallelismPlannerRegister.find_planner(name) is not None


def test_with_tensor_parallelism_a_controlnet_is_split_over_those_ranks() -> None:
    for residuals, sent in ranks(2).run(jobs.controlnet_alone, {"tp_size": 2}):
        assert residuals < 1e-12
        assert sent > 0


def test_unknown_names_and_classes_are_refused_with_the_closest() -> None:
    pipe = pipelines.get("FluxControlNetPipeline").build()
    config = ParallelismConfig(ulysses_size=1, extra_parallel_modules=["controlnets"])
    with pytest.raises(ValueError, match=r"'controlnets', which is no module .* Closest: controln"):
        cache_dit.enable_cache(pipe, parallelism_config=config)
    with torch.device("meta"):
        unet_control = diffusers.ControlNetModel()
    config = ParallelismConfig(ulysses_size=1, extra_parallel_modules=[unet_control])
    with pytest.raises(ValueError, match=r"a ControlNetModel, which cannot .* Closest: "):
        cache_dit.enable_cache(pipe, parallelism_config=config)


def test_one_that_cannot_be_spread_is_refused_and_nothing_is_touched() -> None:
    pair = controlnets.ENTRIES["FluxControlNetModel"].build()
    config = ParallelismConfig(ulysses_size=1, extra_parallel_modules=[pair.controlnet.pos_embed])
    with pytest.raises(ValueError, match="a FluxPosEmbed, which cannot be spread: no planner"):
        cache_dit.enable_cache(pair.transformer, parallelism_config=config)
    assert type(pair.transformer) is diffusers.FluxTransformer2DModel
