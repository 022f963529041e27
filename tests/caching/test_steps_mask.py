"""Masks: presets at 28 steps to the letter, at any other length by their properties."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_dit import block_range, steps_mask

PRESETS = {
    "slow": ([8, 3, 3, 2, 1, 1], [1, 2, 2, 2, 3], 18),
    "medium": ([6, 2, 2, 2, 2, 1], [1, 3, 3, 3, 3], 15),
    "fast": ([6, 1, 1, 1, 1, 1], [1, 3, 4, 5, 4], 11),
    "ultra": ([4, 1, 1, 1, 1], [2, 5, 6, 7], 8),
}

names = st.sampled_from(list(PRESETS))
bins = st.lists(st.integers(1, 6), min_size=1, max_size=6)


def runs(mask: list[int]) -> tuple[list[int], list[int]]:
    lengths = [(kind, len(list(run))) for kind, run in groupby(mask)]
    return [n for kind, n in lengths if kind], [n for kind, n in lengths if not kind]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_for_28_steps_is_as_documented(name: str) -> None:
    compute, cache, computed = PRESETS[name]
    mask = steps_mask(total_steps=28, mask_policy=name)
    assert runs(mask) == (compute, cache)
    assert (len(mask), sum(mask)) == (28, computed)


@given(names, st.integers(1, 400))
def test_a_preset_covers_a_run_of_any_length(name: str, total: int) -> None:
    mask = steps_mask(total_steps=total, mask_policy=name)
    assert len(mask) == total
    assert mask[0] == 1
    assert set(mask) <= {0, 1}
    assert sum(mask) == -(-total * PRESETS[name][2] // 28)  # the same share, rounded up


@given(names, st.integers(1, 10))
def test_a_multiple_of_28_steps_stretches_every_run(name: str, factor: int) -> None:
    compute, cache, _ = PRESETS[name]
    stretched = [n * factor for n in compute], [n * factor for n in cache]
    assert runs(steps_mask(total_steps=28 * factor, mask_policy=name)) == stretched


@given(bins, st.data())
def test_bins_alternate_and_begin_with_compute(compute: list[int], data: st.DataObject) -> None:
    size = len(compute) - data.draw(st.integers(0, 1))
    cache = data.draw(st.lists(st.integers(1, 6), min_size=size, max_size=size))
    mask = steps_mask(compute, cache)
    assert runs(mask) == (compute, cache)
    total = data.draw(st.integers(1, len(mask)))
    assert steps_mask(compute, cache, total) == mask[:total]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, "'medium' needs total_steps"),
        ({"total_steps": 8, "mask_policy": "quick"}, "unknown mask_policy 'quick'.*slow.*ultra"),
        ({"total_steps": 8, "mask_policy": ["fast"]}, r"unknown mask_policy \['fast'\]"),
        ({"compute_bins": 5, "cache_bins": 3}, "compute_bins=5; expected a list"),
        ({"total_steps": 0}, "total_steps holds 0; expected whole numbers from 1"),
        ({"total_steps": 2.5}, "total_steps holds 2.5"),
        ({"total_steps": True}, "total_steps holds True"),
        ({"compute_bins": [4]}, "together"),
        ({"cache_bins": [4]}, "together"),
        ({"compute_bins": [2, 2], "cache_bins": []}, "2 compute_bins and 0 cache_bins"),
        ({"compute_bins": [2], "cache_bins": [1, 1]}, "1 compute_bins and 2 cache_bins"),
        ({"compute_bins": [2, 0], "cache_bins": [1]}, "compute_bins holds 0"),
        ({"compute_bins": [2, 1], "cache_bins": [-1]}, "cache_bins holds -1"),
        ({"compute_bins": [2], "cache_bins": [3], "total_steps": 6}, "cover 5 of total_steps=6"),
    ],
)
def test_a_mask_that_cannot_be_made_is_an_error(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=f"steps_mask: .*{complaint}"):
        steps_mask(**arguments)


def test_block_ids_for_pruning_come_as_a_list() -> None:
    assert block_range(3) == [0, 1, 2]
    assert block_range(2, 9, 3) == [2, 5, 8]
