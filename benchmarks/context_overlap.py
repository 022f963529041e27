"""How much of Ulysses' exchange is hidden behind attention, over a link of any speed."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from statistics import median

import torch
from link import Link, Timed
from record import Row

from cache_dit.parallelism.distributed_attention import DistributedAttention, Tokens
from cache_dit.parallelism.sequence import Layout

RATIOS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Of the exchange to what a rank computes: the speed of the link, on a machine of any speed."""

TURNS = (1, 2, 4)
"""1 is without ``ulysses_async``."""


def overlap(options: Namespace) -> Iterator[Row]:
    """A row for each speed of the link and number of turns: time, and share that is hidden.

    Times are over that of one rank's attention without a link, and medians; the subjects take
    turns.
    """
    torch.set_num_threads(1)
    subject = Subject(options)
    alone = median(subject.timed(1).seconds for _ in range(options.repeats))
    for ratio in RATIOS:
        subject.link.seconds_per_byte = ratio * alone / subject.sent
        rounds = [[subject.timed(turns) for turns in TURNS] for _ in range(options.repeats)]
        for turns, found in zip(TURNS, zip(*rounds, strict=True), strict=True):
            yield {
                "exchange": ratio,
                "turns": turns,
                "time": median(each.seconds for each in found) / alone,
                "hidden": median(each.hidden for each in found) if ratio else None,
            }


class Subject:
    """One attention, as the first of two ranks meets it."""

    def __init__(self, options: Namespace) -> None:
        self.link = Link.between(2)
        layout = Layout((options.tokens,), self.link.size)
        self.tokens = Tokens(layout, layout)
        shape = (1, options.heads, layout.sizes[0], options.width)
        self.tensors = [torch.randn(shape) for _ in range(3)]
        self.timed(1)
        self.sent = self.link.bytes_sent

    def timed(self, turns: int) -> Timed:
        """The attention in so many turns."""
        attend = DistributedAttention(self.link.mesh(), turns=turns)
        return self.link.timed(lambda: attend(self.tokens, *self.tensors))
