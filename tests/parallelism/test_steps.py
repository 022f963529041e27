"""Heads for tokens, and neighbours, at the boundaries of modules."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cache_dit.comm import Channel
from cache_dit.parallelism import ParallelismConfig, on_heads
from cache_dit.parallelism.context_parallel import ContextParallel
from cache_dit.parallelism.context_plan import count, gather, split, whole
from cache_dit.parallelism.head_shares import HeadShares
from cache_dit.parallelism.progress import Progress, Stream
from cache_dit.parallelism.token_sums import Summed
from cache_dit.verify.ranks import ranks
from tests.parallelism import step_jobs


@pytest.mark.parametrize(("lengths", "heads"), [((7,), 4), ((5, 3), 3), ((1, 6), 1)])
def test_heads_for_tokens_and_back(lengths: tuple[int, ...], heads: int) -> None:
    for there, back, _ in ranks(2).run(
        step_jobs.heads_and_back, {"ulysses_size": 2}, lengths, heads
    ):
        assert there == 0
        assert back == 0


def test_heads_for_tokens_sends_what_ulysses_sends() -> None:
    found = ranks(2).run(step_jobs.heads_and_back, {"ring_size": 2}, (8,), 4)
    assert [sent for *_, sent in found] == [2 * (2 * 4 * 6)] * 2  # batch * tokens * half the width


@pytest.mark.parametrize(("length", "reach"), [(7, 1), (5, 2), (3, 3)])
def test_a_convolution_that_borrows_neighbours_is_exact(length: int, reach: int) -> None:
    errors = ranks(2).run(step_jobs.convolution_error, {"ulysses_size": 2}, length, reach)
    assert max(errors) < 1e-14


def test_ranks_to_spare_repeat_the_first_head_unused() -> None:
    shares = HeadShares(2, Channel(ranks=(0, 1, 2), rank=2))
    assert [shares.used(rank) for rank in range(3)] == [range(1), range(1, 2), range(2, 2)]
    assert shares.here == range(1)


def test_what_does_not_divide_into_heads_is_refused() -> None:
    with pytest.raises(ValueError, match=r"7 entries along dimension 1 .* as 2 heads"):
        HeadShares(2, Channel()).part(torch.zeros(1, 7), 1, range(1))


def progress(rank: int = 1) -> Progress:
    return Progress("Model", Channel(ranks=(0, 1), rank=rank))


def test_tokens_of_a_frame_stay_together() -> None:
    call = progress()
    call.streams["frames"] = Stream((3,))
    part = call.apply(split(1, along="frames"), torch.arange(12).view(1, 12), "x", {})
    assert part.tolist() == [[8, 9, 10, 11]]
    assert call.apply([count("frames"), None], (3, 4), "grid", {}) == (1, 4)
    assert call.apply(gather(1, "frames"), 1, "num_frames", {}) == 3


def test_fewer_frames_than_ranks_are_refused() -> None:
    call = progress()
    call.streams["frames"] = Stream((1,))
    with pytest.raises(ValueError, match=r"x has 4 tokens in 1 frames, .* Use at most 1 ranks"):
        call.apply(split(1, along="frames"), torch.zeros(1, 4), "x", {})


def test_the_first_tokens_are_shared_out_on_their_own() -> None:
    call, tokens = progress(rank=0), torch.arange(7).view(1, 7)
    part = call.apply(split(1, first="references"), tokens, "x", {"references": 3})
    assert part.tolist() == [[0, 1, 3, 4]]
    assert call.apply(count("x"), 3, "references", {}) == 2


def test_what_is_no_part_of_a_stream_is_not_gathered() -> None:
    call = progress()
    call.streams["text"] = Stream((7,))
    with pytest.raises(ValueError, match=r"x has 1 entries .* part of text has 3 tokens"):
        call.apply(gather(1, "text"), torch.zeros(1, 1, 4), "x", {})


def test_a_module_that_sees_everything_is_told_of_what() -> None:
    with pytest.raises(ValueError, match=r"whole\('text'\): no argument to gather"):
        whole("text")


def test_a_sum_over_something_else_than_the_tokens_is_refused() -> None:
    summed = Summed("Model: attn1", ("matmul",), tokens=5, channel=Channel())
    with summed, pytest.raises(ValueError, match=r"attn1: its first matmul adds up 4 numbers"):
        torch.matmul(torch.zeros(3, 4), torch.zeros(4, 2))


def test_a_sum_that_is_not_made_is_refused() -> None:
    with (
        pytest.raises(ValueError, match=r"attn1: it did not call Tensor\.sum"),
        Summed("Model: attn1", ("Tensor.sum",), tokens=4, channel=Channel()),
    ):
        torch.sum(torch.zeros(3, 4), -1)


def test_a_number_of_heads_comes_back_after_an_error() -> None:
    model = nn.Module()
    model.attn = Failing()
    plan = on_heads("attn", "to_q", out="to_out")
    parallel = ContextParallel(model, [plan], ParallelismConfig(ulysses_size=1))
    parallel.install()
    with pytest.raises(ArithmeticError):
        model.attn(torch.zeros(1, 2, 6))
    parallel.uninstall()
    assert model.attn.heads == 3


class Failing(nn.Module):
    """Attention that does not get far."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = 3
        self.to_q, self.to_out = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        raise ArithmeticError


def test_tokens_of_their_own_that_some_rank_would_have_none_of_are_refused() -> None:
    call = progress()
    call.apply(split(1, first="references"), torch.zeros(1, 7), "x", {"references": 1})
    with pytest.raises(ValueError, match=r"its first 1 tokens, .* Use at most 1 ranks"):
        call.apply(count("x", everywhere=True), 1, "references", {})
    assert call.apply(count("x", everywhere=True), 0, "references", {}) == 0
