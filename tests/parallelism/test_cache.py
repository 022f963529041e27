"""Cache and context parallelism at once."""

from __future__ import annotations

import pytest

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


def test_replicas_with_other_samples_do_not_influence_each_other() -> None:
    outcomes = ranks(4).run(jobs.replicas, "FluxTransformer2DModel", ULYSSES)
    for own, alone, error in outcomes:
        assert own == alone
        assert error < 1e-9
