"""Cache and context parallelism at once."""

from __future__ import annotations

import pytest
import torch

from cache_dit.verify.ranks import ranks
from tests.parallelism import jobs

ULYSSES = {"ulysses_size": 2}


@pytest.mark.parametrize("first", ["together", "parallelism", "cache"])
@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "WanTransformer3DModel"])
def test_two_ranks_decide_and_draw_as_one_process_does(name: str, first: str) -> None:
    for own, alone, error in ranks(2).run(jobs.cache_with_parallelism, name, ULYSSES, first):
        assert own == alone
        assert all(0 < len(steps) < 7 for steps in own)
        assert error < 1e-9


@pytest.mark.parametrize("config", [ULYSSES, {"ring_size": 2}], ids=["ulysses", "ring"])
@pytest.mark.parametrize("order", [0, 1])
def test_a_reused_step_is_exact_where_nothing_changes(config: dict[str, int], order: int) -> None:
    for made, error in ranks(2).run(jobs.oracle, "FluxTransformer2DModel", config, order):
        assert made == [[2, 3, 5]]
        assert error < 1e-12


def test_a_decision_is_one_reduction_of_two_numbers_among_the_ranks_of_the_sample() -> None:
    outcomes = ranks(4).run(jobs.reductions, "FluxTransformer2DModel", ULYSSES)
    for rank, (numbers, groups, sample, measured) in enumerate(outcomes):
        assert measured > 3
        assert len(numbers) == measured
        assert max(numbers) <= 2, "the size of the reference is known after its first comparison"
        assert groups == {tuple(sample)}
        assert sample == ([0, 1] if rank < 2 else [2, 3])


def test_replicas_with_other_samples_do_not_influence_each_other() -> None:
    """They take different numbers of steps: a reduction over the world would never end."""
    outcomes = ranks(4).run(jobs.replicas, "FluxTransformer2DModel", ULYSSES)
    for own, alone, error in outcomes:
        assert own == alone
        assert error < 1e-9
    made = [own for own, _, _ in outcomes]
    assert made[0] == made[1] != made[2] == made[3]


@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "LTX2VideoTransformer3DModel"])
@pytest.mark.parametrize("config", [ULYSSES, {"ring_size": 2}], ids=["ulysses", "ring"])
def test_all_ranks_return_the_same_whole_output(name: str, config: dict[str, int]) -> None:
    first, second = ranks(2).run(jobs.model_outputs, name, config)
    assert [each.shape for each in first] == [each.shape for each in second]
    assert all(map(torch.equal, first, second))
