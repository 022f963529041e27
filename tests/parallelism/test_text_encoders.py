"""Text encoders that two ranks share out are what they are on one, in every layer."""

from __future__ import annotations

import pytest
import torch
import transformers
from torch import nn

from cache_dit import ParallelismConfig
from cache_dit.comm import Channel
from cache_dit.parallelism import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)
from cache_dit.parallelism.mesh import Mesh
from cache_dit.verify.ranks import ranks
from cache_dit.verify.text_encoders import ENTRIES
from tests.installed import verified
from tests.parallelism import encoder_jobs

WHOLE = {  # what stays on every rank beside norms and positions
    "Gemma4": "its embedding, which it reads directly, and its vision",
    "T5Gemma2": "its embedding, in which an image has a place",
}


@pytest.mark.parametrize("name", ENTRIES)
def test_two_ranks_give_what_one_process_gives(name: str) -> None:
    report = verified(name, "te")
    assert report.ok, str(report)
    share = report.details["share of the parameters on one of 2 ranks"]
    assert share < 0.75 or name.startswith(tuple(WHOLE)), share


@pytest.mark.nightly
@pytest.mark.parametrize("name", ENTRIES)
def test_four_ranks_give_what_one_process_gives(name: str) -> None:
    report = verified(name, "te", every_setting=True)
    assert report.ok, str(report)


def of_ranks(count: int) -> Mesh:
    """A mesh of so many ranks that do not talk to each other."""
    return Mesh(*(Channel(None, tuple(range(count))) for _ in range(5)))


def test_ranks_that_no_number_of_heads_allows_are_refused_with_those_that_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Mesh, "of", lambda config: of_ranks(3))
    model = ENTRIES["T5EncoderModel"].build()
    planner = TextEncoderTensorParallelismPlannerRegister.get_planner(model)()
    with pytest.raises(ValueError, match=r"n_heads=8 is not divisible by .*=3\. Use 2, 4 or 8\."):
        planner.prepare(model, ParallelismConfig(ulysses_size=3))


@pytest.mark.nightly
def test_as_many_ranks_share_an_encoder_out_as_its_heads_allow() -> None:
    for error, sharing in ranks(4).run(encoder_jobs.encoder_of_two_heads):
        assert error < 1e-12
        assert sharing == 2


def test_a_language_model_that_nobody_registered_needs_no_planner() -> None:
    config = transformers.Olmo2Config(**ENTRIES["LlamaModel"].config)
    with torch.device("meta"):
        model = transformers.Olmo2Model(config)
    register = TextEncoderTensorParallelismPlannerRegister
    assert register.find_planner("Olmo2Model") is None
    assert register.find_planner(model) is TextEncoderTensorParallelismPlanner
    assert register.find_planner(nn.Linear(1, 1)) is None
