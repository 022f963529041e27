"""The bytes that are sent are those of the formulas, on every rank."""

from __future__ import annotations

from typing import Any

import pytest

from cache_dit.parallelism.sequence import Layout, shares
from cache_dit.verify.ranks import ranks
from tests.parallelism import attention_jobs as jobs
from tests.parallelism.attention_jobs import Sample

ULYSSES, RING = {"ulysses_size": 2}, {"ring_size": 2}
GATHERED = {"ring_size": 2, "ring_rotate_method": "allgather"}
BOTH = {"ulysses_size": 2, "ring_size": 2}
BOTH_GATHERED = {**BOTH, "ring_rotate_method": "allgather"}
NUMBER = 2 * 8 * 8  # batch 2, heads of 8, 8 bytes: what one token has in one head

SIZE = 24 * 4 * NUMBER  # S tokens, 4 heads


def sent(config: dict[str, Any], sample: Sample, size: int) -> list[int]:
    return [sent for _, sent in ranks(size).run(jobs.attention_error, config, sample)]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (ULYSSES, 4 * SIZE // 4),  # 4 S d b (W - 1) / W^2
        (RING, 2 * SIZE // 2),  # 2 S d b (W - 1) / W
        (GATHERED, 2 * SIZE // 2),
    ],
    ids=["ulysses", "ring", "gathered"],
)
def test_two_ranks(config: dict[str, Any], expected: int) -> None:
    assert sent(config, Sample((24,)), 2) == [expected] * 2


def test_ulysses_and_ring_at_once() -> None:
    """(S d b / W) [4 (U - 1) / U + 2 (R - 1)]."""
    assert sent(BOTH, Sample((24,)), 4) == [SIZE // 4 * (2 + 2)] * 4


@pytest.mark.parametrize("config", [ULYSSES, RING, GATHERED], ids=["ulysses", "ring", "gathered"])
@pytest.mark.parametrize(
    "sample",
    [Sample((7, 16)), Sample((13,), heads=3), Sample((9,), 6, 2), Sample((9,), 3, 1), Sample((1,))],
    ids=["lengths", "heads", "grouped", "one key head", "one token"],
)
def test_nothing_has_to_divide(config: dict[str, Any], sample: Sample) -> None:
    assert sent(config, sample, 2) == expected(config, sample, 2)


@pytest.mark.parametrize("config", [BOTH, BOTH_GATHERED], ids=["p2p", "gathered"])
def test_nothing_has_to_divide_at_once(config: dict[str, Any]) -> None:
    for sample in (Sample((7, 16), heads=3), Sample((9,), 6, 2)):
        assert sent(config, sample, 4) == expected(config, sample, 4)


def expected(config: dict[str, Any], sample: Sample, size: int) -> list[int]:
    """What every rank sends, where sizes differ from rank to rank."""
    width, length = config.get("ulysses_size", 1), config.get("ring_size", 1)
    tokens = Layout(sample.lengths, size).sizes
    heads, key_heads = sharing(sample, width)
    totals = []
    for rank in range(size):
        group, own = divmod(rank, width)
        members = tokens[group * width : (group + 1) * width]
        total = sum(
            members[own] * (heads[to] + 2 * key_heads[to]) + members[to] * heads[own]
            for to in range(width)
            if to != own
        )
        blocks = [sum(tokens[at * width : (at + 1) * width]) for at in range(length)]
        passed_on = [blocks[(group - step) % length] for step in range(length - 1)]
        if "ring_rotate_method" in config:  # collectives want equal sizes: the longest counts
            passed_on = [max(blocks)] * (length - 1)
        totals.append((total + 2 * key_heads[own] * sum(passed_on)) * NUMBER)
    return totals


def sharing(sample: Sample, width: int) -> tuple[list[int], list[int]]:
    """Query heads and key heads of each rank of a Ulysses group."""
    heads = shares(sample.heads, width)
    group = sample.heads // (sample.key_heads or sample.heads)
    owned, start = [], 0
    for count in heads:
        owned.append(len({head // group for head in range(start, start + count)}))
        start += count
    return list(heads), owned
