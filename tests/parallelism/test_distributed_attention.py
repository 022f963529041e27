"""Attention over several ranks is attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from cache_dit.parallelism.wire import EIGHT_BITS, written
from cache_dit.verify.ranks import ranks
from tests.parallelism import attention_jobs as jobs
from tests.parallelism.attention_jobs import Sample

ULYSSES, RING = {"ulysses_size": 2}, {"ring_size": 2}
GATHERED = {"ring_size": 2, "ring_rotate_method": "allgather"}
BOTH = {"ulysses_size": 2, "ring_size": 2}


def worst(config: dict[str, Any], sample: Sample, size: int = 2) -> float:
    return max(error for error, _ in ranks(size).run(jobs.attention_error, config, sample))


@pytest.mark.parametrize("kind", ["", "padding", "any", "added", "causal"])
@pytest.mark.parametrize("config", [ULYSSES, RING, GATHERED], ids=["ulysses", "ring", "gathered"])
def test_two_ranks_give_what_one_process_gives(config: dict[str, Any], kind: str) -> None:
    assert worst(config, Sample((7, 17), heads=3, kind=kind)) < 1e-14


@pytest.mark.parametrize("config", [ULYSSES, RING, GATHERED], ids=["ulysses", "ring", "gathered"])
def test_the_output_lies_in_memory_as_that_of_torch_does(config: dict[str, Any]) -> None:
    """Processors may view it: that of SD3's IP-Adapter does."""
    assert all(ranks(2).run(jobs.token_after_token, config))


@pytest.mark.parametrize("config", [ULYSSES, RING], ids=["ulysses", "ring"])
def test_grouped_queries_and_fewer_heads_than_ranks(config: dict[str, Any]) -> None:
    for heads, key_heads in ((6, 2), (3, 1), (1, 1)):
        assert worst(config, Sample((13,), heads, key_heads, "causal")) < 1e-14


@pytest.mark.parametrize("lengths", [(1,), (1, 1), (2, 1)])
@pytest.mark.parametrize("config", [ULYSSES, RING], ids=["ulysses", "ring"])
def test_sequences_shorter_than_the_number_of_ranks(
    config: dict[str, Any], lengths: tuple[int, ...]
) -> None:
    assert worst(config, Sample(lengths)) < 1e-14


@pytest.mark.parametrize("kind", ["", "any"])
def test_ulysses_and_ring_at_once(kind: str) -> None:
    assert worst(BOTH, Sample((7, 17), heads=3, kind=kind), 4) < 1e-14


def test_a_ring_in_bfloat16_is_no_worse_than_rounding_its_output() -> None:
    assert worst(RING, Sample((31,), dtype=torch.bfloat16)) < 2e-2


@pytest.mark.parametrize(
    "sample",
    [
        Sample((7, 17), heads=6),
        Sample((7, 17), heads=3, kind="any"),
        Sample((13,), heads=8, key_heads=2, kind="causal"),
        Sample((13,), heads=6, key_heads=2, kind="padding"),
        Sample((5,), heads=1),
        Sample((1,), heads=4, dtype=torch.bfloat16),
    ],
    ids=["plain", "any mask", "grouped", "groups that cannot be divided", "one head", "short"],
)
def test_overlapping_changes_no_bit_and_sends_nothing_more(sample: Sample) -> None:
    for same, sent, sent_plainly in ranks(2).run(jobs.overlapped, ULYSSES, sample):
        assert same
        assert sent == sent_plainly


def test_overlapping_with_a_ring_is_exact() -> None:
    """Not to the bit: vectorised exp rounds by where a number lies in a tensor."""
    config = {**BOTH, "ulysses_async": True}
    assert worst(config, Sample((7, 17), heads=6, kind="any"), 4) < 1e-14


@pytest.mark.parametrize("config", [ULYSSES, {**ULYSSES, "ulysses_async": True}])
def test_eight_bits_cost_about_one_percent(config: dict[str, Any]) -> None:
    sample = Sample((100, 24), width=64, dtype=torch.bfloat16)
    outcomes = ranks(2).run(jobs.relative_error, {**config, "ulysses_float8": True}, sample)
    exact = ranks(2).run(jobs.relative_error, config, sample)
    for (error, sent), (rounding, sent_exactly) in zip(outcomes, exact, strict=True):
        assert rounding < error < 0.015
        numbers = sent_exactly // 2  # one byte for each, and scales and means
        assert sent == numbers + numbers * 4 // 64 + numbers * 4 // 62


def test_eight_bits_keep_what_all_tokens_share_and_hide_no_nan() -> None:
    tensor = torch.tensor([[0.0, 100.0], [0.0, 100.0], [0.0, 100.0]]).view(1, 1, 3, 2)
    assert torch.equal(transported(tensor), tensor)
    tensor[0, 0, :, 0] = torch.tensor([1.0, 2.0, 3.0])
    assert (transported(tensor) - tensor).abs().max() < 1e-2
    tensor[0, 0, 1, 0] = float("nan")
    assert transported(tensor)[0, 0, 1, 0].isnan()


def transported(tensor: torch.Tensor) -> torch.Tensor:
    message, shape = written([tensor], EIGHT_BITS), tuple(tensor.shape)
    assert len(message) == EIGHT_BITS.size(shape)
    return EIGHT_BITS.unpack(message, shape, tensor.dtype)


@pytest.mark.parametrize("shared", [0.0, 40.0])
def test_eight_bits_are_better_than_float8(shared: float) -> None:
    """Where a channel of the keys is large in all tokens, too."""
    query, key, value = (jobs.draw(seed, 1, 2, 300, 128) for seed in range(3))
    key[..., 3] += shared
    expected = F.scaled_dot_product_attention(query, key, value)

    def error(write: Callable[[torch.Tensor], torch.Tensor]) -> float:
        output = write(F.scaled_dot_product_attention(*map(write, (query, key, value))))
        return float((output - expected).norm() / expected.norm())

    assert error(transported) < error(in_float8) / 3
    assert error(transported) < 0.015


def in_float8(tensor: torch.Tensor) -> torch.Tensor:
    scale = tensor.abs().amax(-1, keepdim=True) / 448
    return (tensor / scale).to(torch.float8_e4m3fn).to(tensor.dtype) * scale
