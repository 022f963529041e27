"""Attention over several ranks is attention."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from cache_dit.verify.ranks import ranks
from tests.parallelism import jobs

ULYSSES, RING = {"ulysses_size": 2}, {"ring_size": 2}
GATHERED = {"ring_size": 2, "ring_rotate_method": "allgather"}


@pytest.mark.parametrize("kind", ["", "padding", "any", "added", "causal"])
@pytest.mark.parametrize("config", [ULYSSES, RING, GATHERED], ids=["ulysses", "ring", "gathered"])
def test_two_ranks_give_what_one_process_gives(config: dict[str, Any], kind: str) -> None:
    errors = ranks(2).run(jobs.attention_error, config, (7, 17), 3, None, kind)
    assert max(error for error, _ in errors) < 1e-14


@pytest.mark.parametrize("config", [ULYSSES, RING], ids=["ulysses", "ring"])
def test_grouped_queries_and_fewer_heads_than_ranks(config: dict[str, Any]) -> None:
    for heads, key_heads in ((6, 2), (3, 1), (1, 1)):
        errors = ranks(2).run(jobs.attention_error, config, (13,), heads, key_heads, "causal")
        assert max(error for error, _ in errors) < 1e-14


@pytest.mark.parametrize("lengths", [(1,), (1, 1), (2, 1)])
@pytest.mark.parametrize("config", [ULYSSES, RING], ids=["ulysses", "ring"])
def test_sequences_shorter_than_the_number_of_ranks(
    config: dict[str, Any], lengths: tuple[int, ...]
) -> None:
    errors = ranks(2).run(jobs.attention_error, config, lengths)
    assert max(error for error, _ in errors) < 1e-14


@pytest.mark.parametrize("kind", ["", "any"])
def test_ulysses_and_ring_at_once(kind: str) -> None:
    config = {"ulysses_size": 2, "ring_size": 2}
    errors = ranks(4).run(jobs.attention_error, config, (7, 17), 3, None, kind)
    assert max(error for error, _ in errors) < 1e-14


def test_a_ring_in_bfloat16_is_no_worse_than_rounding_its_output() -> None:
    errors = ranks(2).run(jobs.attention_error, RING, (31,), 4, None, "", torch.bfloat16)
    assert max(error for error, _ in errors) < 2e-2


SIZE = 24 * 4 * 8 * 2 * 8  # S tokens, 4 heads of 8, batch 2, 8 bytes


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ULYSSES, 4 * SIZE // 4),  # 4 S d b (W - 1) / W^2
        (RING, 2 * SIZE // 2),  # 2 S d b (W - 1) / W
        (GATHERED, 2 * SIZE // 2),
    ],
    ids=["ulysses", "ring", "gathered"],
)
def test_bytes_sent_are_those_of_the_formula(config: dict[str, Any], expected: int) -> None:
    assert [sent for _, sent in ranks(2).run(jobs.attention_error, config, (24,))] == [expected] * 2


def test_bytes_sent_by_ulysses_and_ring_at_once() -> None:
    """(S d b / W) [4 (U - 1) / U + 2 (R - 1)]."""
    outcomes = ranks(4).run(jobs.attention_error, {"ulysses_size": 2, "ring_size": 2}, (24,))
    assert [sent for _, sent in outcomes] == [SIZE // 4 * (2 + 2)] * 4
