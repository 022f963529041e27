"""Models of the zoo over two ranks are what they are on one."""

from __future__ import annotations

import pytest

from cache_dit.verify import zoo
from cache_dit.verify.ranks import ranks
from tests.installed import verified
from tests.parallelism import jobs


@pytest.mark.parametrize("name", zoo.names())
def test_two_ranks_give_what_one_process_gives(name: str) -> None:
    report = verified(name, "cp")
    assert report.ok, str(report)


@pytest.mark.nightly
@pytest.mark.parametrize("name", zoo.names())
def test_every_model_over_two_three_and_four_ranks(name: str) -> None:
    report = verified(name, "cp", every_setting=True)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "WanTransformer3DModel"])
def test_a_model_in_8_bits_and_overlapped(name: str) -> None:
    for error, same_bits in ranks(2).run(jobs.options_of_ulysses, name):
        assert 1e-6 < error < 0.02
        assert same_bits
