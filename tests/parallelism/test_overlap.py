"""What `ulysses_async` hides, on a clock that stands still while nothing is attended to or sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from cache_dit import ParallelismConfig
from cache_dit.comm import Arriving, Channel
from cache_dit.parallelism.distributed_attention import TURNS, DistributedAttention, Tokens
from cache_dit.parallelism.head_exchange import turns
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.sequence import Layout

HEADS, SIZE = 16, 2  # eight heads on each rank


@dataclass
class Clock:
    """Units of time: one for an attention of all heads here."""

    now: float = 0.0


@dataclass
class Link(Channel):
    """One rank's; what all heads exchange takes ``exchange`` units, in and out."""

    clock: Clock = field(default_factory=Clock)
    exchange: float = 0.0
    whole: int = 1
    free: float = 0.0

    def send_to_all(
        self, sent: torch.Tensor, sizes: Sequence[int], counts: Sequence[int]
    ) -> Arriving:
        away = sent.numel() - sizes[self.rank]
        self.free = max(self.free, self.clock.now) + self.exchange * away / self.whole
        work: Any = Travel(self.clock, self.free)
        return Arriving(sent.new_zeros(sum(counts)), tuple(counts), work, sent)


@dataclass
class Travel:
    clock: Clock
    arrives: float

    def wait(self) -> None:
        self.clock.now = max(self.clock.now, self.arrives)


class Timed(TorchFunctionMode):
    """Within it, attention takes time on a clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.scaled_dot_product_attention:
            self.clock.now += args[0].shape[1] / (HEADS / SIZE)
        return func(*args, **(kwargs or {}))


def time(exchange: float, most: int) -> float:
    tokens, width = 6, 4
    clock, alone = Clock(), Channel()
    whole = 4 * tokens * HEADS * width // SIZE**2
    link = Link(ranks=(0, 1), clock=clock, exchange=exchange, whole=whole)
    layout = Layout((tokens,), SIZE)
    attend = DistributedAttention(Mesh(alone, link, alone, link, link), turns=most)
    with Timed(clock):
        attend(Tokens(layout, layout), *torch.zeros(3, 1, HEADS, tokens // SIZE, width))
    return clock.now


@pytest.mark.parametrize("exchange", [0.25, 0.5, 1.0])
@pytest.mark.parametrize("most", [1, 2, TURNS])
def test_what_is_not_hidden_is_one_turn(exchange: float, most: int) -> None:
    assert time(exchange, most) == pytest.approx(1 + exchange / most)


def test_a_link_slower_than_attention_is_never_idle() -> None:
    """The last heads have yet to be attended to when they arrive: their part is not hidden."""
    assert time(4.0, 1) == pytest.approx(5.0)
    assert 4.0 <= time(4.0, TURNS) < 4.0 + 1 / TURNS + 1e-9


def test_the_option_overlaps() -> None:
    assert DistributedAttention.of(ParallelismConfig(ulysses_async=True)).turns == TURNS
    assert DistributedAttention.of(ParallelismConfig()).turns == 1


@pytest.mark.parametrize(
    ("heads", "key_heads", "ranks", "most"),
    [(24, 24, 2, 4), (24, 24, 5, 4), (3, 3, 2, 4), (1, 1, 2, 4), (12, 4, 2, 4), (6, 2, 4, 3)],
)
def test_every_head_has_one_turn(heads: int, key_heads: int, ranks: int, most: int) -> None:
    plain, in_turns = turns(heads, key_heads, ranks), turns(heads, key_heads, ranks, most)
    assert len(in_turns) <= most
    for rank, (own,) in enumerate(zip(*plain, strict=True)):
        assert [head for turn in in_turns for head in turn[rank]] == list(own)
        cuts = [turn[rank].stop for turn in in_turns if turn[rank]][:-1]
        assert all(cut % (heads // key_heads) == 0 for cut in cuts)
