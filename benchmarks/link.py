"""One rank of several, and a link to the others that takes time but no processor.

What a rank computes is real, what travels is not: a message is there when the link has been busy
for its bytes. A rank's time is that of its processor, and what it waits for messages; what other
programs on the machine do is in neither, so that times can be compared on a busy one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from cache_dit.comm import Arriving, Channel
from cache_dit.parallelism.mesh import Mesh


@dataclass
class Clock:
    """The time of one rank that has a processor for itself."""

    waited: float = 0.0

    def now(self) -> float:
        """Seconds."""
        return time.process_time() + self.waited

    def wait_until(self, moment: float) -> None:
        """Let it be so late, at least."""
        self.waited += max(0.0, moment - self.now())


@dataclass(frozen=True)
class Travel:
    """Stands for the work of a message that arrives at some moment."""

    moment: float
    clock: Clock

    def wait(self) -> None:
        """Until it is there."""
        self.clock.wait_until(self.moment)


@dataclass(frozen=True)
class Timed:
    """Seconds that something took, how many of them it waited, and how many the link was used."""

    seconds: float
    waited: float
    busy: float

    @property
    def hidden(self) -> float:
        """The share of the exchange that was not waited for."""
        return 1 - self.waited / self.busy


@dataclass
class Link(Channel):
    """The first of several ranks, which gets zeros from the others.

    Attributes:
        seconds_per_byte: how long the link is busy with what a rank sends.
        clock: of this rank.
        busy: seconds that the link was used so far.
    """

    seconds_per_byte: float = 0.0
    clock: Clock = field(default_factory=Clock)
    busy: float = 0.0
    _free: float = 0.0

    @classmethod
    def between(cls, ranks: int) -> Link:
        """A link between so many, which takes no time yet."""
        return cls(ranks=tuple(range(ranks)))

    def send_to_all(
        self, sent: torch.Tensor, sizes: Sequence[int], counts: Sequence[int]
    ) -> Arriving:
        """Begin to send; messages leave one after the other."""
        received = sent.new_zeros(sum(counts))  # before: this takes time itself
        payload = sent.element_size() * (sent.numel() - sizes[self.rank])
        self._count(payload)
        taken = self.seconds_per_byte * payload
        self.busy += taken
        self._free = max(self._free, self.clock.now()) + taken
        travel = Travel(self._free, self.clock)
        return Arriving(received, tuple(counts), travel, sent)

    def timed(self, work: Callable[[], object]) -> Timed:
        """Let this rank do something."""
        start, waited, busy = self.clock.now(), self.clock.waited, self.busy
        work()
        return Timed(self.clock.now() - start, self.clock.waited - waited, self.busy - busy)

    def mesh(self) -> Mesh:
        """A mesh whose Ulysses axis is this link."""
        alone = Channel()
        return Mesh(ring=alone, ulysses=self, tp=alone, context=self, sample=self)
