"""Every token is on exactly one rank, and the parts make the whole."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from cache_dit.parallelism.sequence import Layout, shares

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple)
RANKS = st.integers(1, 5)


@given(st.integers(0, 50), RANKS)
def test_shares_differ_by_one_at_most_as_those_of_tensor_split_do(length: int, ranks: int) -> None:
    parts = torch.arange(length).tensor_split(ranks)
    assert shares(length, ranks) == tuple(len(part) for part in parts)


@given(LENGTHS, RANKS)
def test_positions_of_all_ranks_are_the_sequence(lengths: tuple[int, ...], ranks: int) -> None:
    layout = Layout(lengths, ranks)
    positions = layout.positions(range(ranks), torch.device("cpu"))
    assert sorted(positions.tolist()) == list(range(layout.length))
    assert layout.ordered == (len(lengths) == 1)


@given(LENGTHS, RANKS)
def test_a_part_holds_the_tokens_at_its_positions(lengths: tuple[int, ...], ranks: int) -> None:
    layout = Layout(lengths, ranks)
    sequence = torch.arange(layout.length).view(1, -1)
    for rank in range(ranks):
        part = layout.part(sequence, 1, rank).flatten()
        assert part.tolist() == layout.positions(range(rank, rank + 1), part.device).tolist()
        assert len(part) == layout.sizes[rank]
