"""Other ways to hide the exchange: send v, q and k each as soon as its projection is done."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import median

import torch
import torch.nn.functional as F
from link import Link
from record import Row
from torch import nn

from cache_dit.parallelism.wire import written

HEADS, WIDTH, TOKENS, RANKS = 8, 128, 1536, 2
"""A third of FLUX.1 at 1024 x 1024 pixels, in tokens and in width: the same ratios of all parts."""

RATIOS = (0.5, 1.0)
"""Of the exchange to the attention."""

Finish = Callable[[], list[torch.Tensor]]


def projections(options: Namespace) -> Iterator[Row]:
    """A row for each speed of the link and way; the share of the exchange that is hidden.

    ``compute`` is all that a rank computes, over the attention alone: what there is to hide behind.
    """
    torch.set_num_threads(1)
    layer = Layer()
    ways: dict[str, Callable[[], None]] = {
        "nothing": lambda: layer.in_turns(1),
        "attention, in 4 turns": lambda: layer.in_turns(4),
        "projections, v first": layer.as_they_come,
        "projections of q and k, v first, then 4 turns": lambda: layer.in_turns(4, v_first=True),
    }
    with torch.no_grad():
        layer.alone()
        spent = {
            name: median(layer.link.timed(work).seconds for _ in range(options.repeats))
            for name, work in {"attention": layer.alone, "all": ways["nothing"]}.items()
        }
        attention, sent = spent["attention"], layer.link.bytes_sent // options.repeats
        for ratio in RATIOS:
            layer.link.seconds_per_byte = ratio * attention / sent
            rounds = [list(map(layer.link.timed, ways.values())) for _ in range(options.repeats)]
            for name, found in zip(ways, zip(*rounds, strict=True), strict=True):
                yield {
                    "exchange": ratio,
                    "behind": name,
                    "hidden": median(each.hidden for each in found),
                    "compute": spent["all"] / attention,
                }


class Layer:
    """Projections, norms, rotary embedding and attention, as the first of two ranks does them."""

    def __init__(self) -> None:
        self.link, self.own = Link.between(RANKS), HEADS // RANKS
        tokens, width = TOKENS // RANKS, HEADS * WIDTH
        self.hidden = torch.randn(1, tokens, width)
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.norm = nn.RMSNorm(WIDTH)
        self.angles = torch.randn(2, tokens, 1, WIDTH)
        self.whole = [torch.randn(1, self.own, TOKENS, WIDTH) for _ in range(3)]

    def alone(self) -> None:
        """The attention without anything else."""
        F.scaled_dot_product_attention(*self.whole)

    def in_turns(self, count: int, v_first: bool = False) -> None:
        """What `ulysses_async` does; v may have been sent before the others were made."""
        every = range(self.own)
        early = self._send([self._values()], every) if v_first else None
        tensors = [self._turned(self.to_q), self._turned(self.to_k)]
        tensors += [] if early else [self._values()]
        cuts = [self.own * turn // count for turn in range(count + 1)]
        turns = [every[start:end] for start, end in pairwise(cuts)]
        arriving = [self._send(tensors, heads) for heads in turns]
        leaving = []
        for heads, finish in zip(turns, arriving, strict=True):
            given = finish()
            given += [each[:, heads.start : heads.stop] for each in early()] if early else []
            leaving.append(self._back(F.scaled_dot_product_attention(*given)))
        for finish in leaving:
            finish()

    def as_they_come(self) -> None:
        """What copies of attention processors do."""
        every = range(self.own)
        value = self._send([self._values()], every)
        query = self._send([self._turned(self.to_q)], every)
        key = self._send([self._turned(self.to_k)], every)
        given = [*query(), *key(), *value()]
        self._back(F.scaled_dot_product_attention(*given))()

    def _values(self) -> torch.Tensor:
        return self.to_v(self.hidden).unflatten(-1, (HEADS, WIDTH)).transpose(1, 2)

    def _turned(self, project: nn.Linear) -> torch.Tensor:
        vectors = self.norm(project(self.hidden).unflatten(-1, (HEADS, WIDTH)))
        real, imaginary = vectors.unflatten(-1, (-1, 2)).unbind(-1)
        across = torch.stack([-imaginary, real], -1).flatten(-2)
        return (vectors * self.angles[0] + across * self.angles[1]).transpose(1, 2)

    def _send(self, tensors: Sequence[torch.Tensor], heads: range) -> Finish:
        """Some of the heads of each rank; what arrives is taken to be like what is here."""
        parts = [
            each[:, first + heads.start : first + heads.stop]
            for first in range(0, HEADS, self.own)
            for each in tensors
        ]
        sizes = [sum(part.numel() for part in parts) // RANKS] * RANKS
        arriving = self.link.send_to_all(written(parts), sizes, sizes)

        def finish() -> list[torch.Tensor]:
            arriving.wait()
            return [torch.cat([each[:, heads.start : heads.stop]] * RANKS, 2) for each in tensors]

        return finish

    def _back(self, out: torch.Tensor) -> Callable[[], object]:
        sizes = [out.numel() // RANKS] * RANKS
        return self.link.send_to_all(out.flatten(), sizes, sizes).wait
