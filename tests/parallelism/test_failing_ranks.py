"""A rank that fails in the middle of a run is named by the others, and the next run is good."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit.parallelism.failure import described, where
from cache_dit.verify.ranks import Ranks
from tests.parallelism import failing_jobs as jobs

TO_THE_EYE = 1e-5  # pictures in 0..1, in float32
SPREADS = [
    pytest.param({"ulysses_size": 2}, id="sequence"),
    pytest.param({"tp_size": 2}, id="width"),
]


@pytest.fixture(scope="module")
def pair() -> Iterator[Ranks]:
    """Two ranks with little patience."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("CACHE_DIT_TIMEOUT", "6")
        group = Ranks(2)
        group.run(abs, 0)
    yield group
    group.stop()


@pytest.mark.slow
@pytest.mark.parametrize("config", SPREADS)
def test_in_step_5_of_a_run(pair: Ranks, config: dict[str, Any]) -> None:
    for rank, found in enumerate(pair.run(jobs.failing_in_step_5, config, 1)):
        said, finished, alone, again = found
        assert finished == jobs.FAILING - 1
        assert "ArithmeticError: this went wrong" in said
        if rank == 0:
            assert said.startswith("RankFailed: FluxTransformer2DModel: rank 1 failed")
            assert f"raised in FluxTransformer2DModel.{jobs.PLACE}, line " in said
            assert "of tests.parallelism.failing_jobs" in said
        assert alone == 0.0
        assert again < TO_THE_EYE


@pytest.mark.slow
def test_between_the_calls_of_the_model(pair: Ranks) -> None:
    config = {"ulysses_size": 2}
    waiting, failing = pair.run(jobs.failing_between_steps, config, 1)
    assert failing == "ArithmeticError: this went wrong"
    assert waiting.startswith("RankFailed: FluxTransformer2DModel: rank 1 did not come to this")


@pytest.mark.slow
def test_behind_the_last_exchange_of_a_call(pair: Ranks) -> None:
    (good, waiting), (failing,) = pair.run(jobs.failing_behind_the_last_exchange, 1)
    assert good == "nothing"
    assert failing == "ArithmeticError: this went wrong"
    assert waiting == (
        "RankFailed: SomeModel: rank 1 failed, and this one cannot go on. "
        "ArithmeticError: this went wrong"
    )


@pytest.mark.slow
def test_while_another_rank_is_still_enabling(pair: Ranks) -> None:
    for said in pair.run(jobs.failing_while_one_is_enabling, 1):
        assert "'_native_math' does not give the log of the sum" in said


def test_an_error_is_not_taken_for_one_of_an_earlier_model_of_the_class(pair: Ranks) -> None:
    for first, second in pair.run(jobs.errors_of_two_models):
        assert first.endswith("the first")
        assert second.endswith("the second")


def test_an_error_says_in_which_module_and_line_it_was_raised() -> None:
    class Failing(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            raise ArithmeticError("this went wrong")

    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Linear(2, 3), Failing()))
    with pytest.raises(ArithmeticError) as caught:
        model(torch.zeros(2))
    assert where(caught.value).startswith("Sequential.1.1, line ")
    assert where(caught.value).endswith(f"of {__name__}")
    with pytest.raises(RuntimeError) as caught_in_torch:
        model(torch.zeros(3))
    assert "(raised in Sequential.1.0)" in described(caught_in_torch.value)


def test_an_error_outside_of_modules_is_nowhere() -> None:
    with pytest.raises(ValueError, match="literal") as caught:
        int("one")
    assert where(caught.value) == ""


@pytest.mark.slow
def test_ranks_that_wait_for_one_that_failed_are_not_waited_for_long(pair: Ranks) -> None:
    with pytest.raises(RuntimeError, match=r"rank 1 of 2: ArithmeticError: this went wrong"):
        pair.run(jobs.failing_alone, 1)
