"""What ranks tell each other, and how many bytes of it they send."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import torch
import torch.distributed as dist


@dataclass(frozen=True)
class Arriving:
    """Messages on their way to this rank, and one that must not change until they are there."""

    received: torch.Tensor
    counts: tuple[int, ...]
    work: dist.Work
    sent: torch.Tensor

    def wait(self) -> tuple[torch.Tensor, ...]:
        """The message of each rank, once all are there."""
        self.work.wait()
        return torch.split(self.received, list(self.counts))


@dataclass
class Channel:
    """The ranks along one axis of the mesh, as seen from one of them.

    Every method is collective: all ranks enter it, with the same sizes.

    Attributes:
        group: None where the axis has one rank only.
        ranks: global ranks, in the order of the axis.
        rank: place of this process among them.
        bytes_sent: payload that this rank has sent to others so far.
        calls: exchanges that this rank has taken part in so far.
        number: what compiled code, which cannot hold objects, knows it by.
    """

    group: dist.ProcessGroup | None = None
    ranks: tuple[int, ...] = (0,)
    rank: int = 0
    bytes_sent: int = field(default=0, compare=False)
    calls: int = field(default=0, compare=False)
    number: int = field(default_factory=count().__next__, compare=False)

    @property
    def size(self) -> int:
        """How many ranks there are."""
        return len(self.ranks)

    def within_reach(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tensor on a device whose tensors the group can send: where it is, if it can."""
        if self.size == 1:
            return tensor
        pairs = dist.get_backend_config(self.group).split(",")  # such as "cpu:gloo,cuda:nccl"
        kinds = [pair.partition(":")[0] for pair in pairs]
        return tensor if tensor.device.type in kinds else tensor.to(kinds[0])

    def send_to_all(
        self, sent: torch.Tensor, sizes: Sequence[int], counts: Sequence[int]
    ) -> Arriving:
        """Begin to send rank r its ``sizes[r]`` numbers, and to receive ``counts[r]`` from it.

        ``sent`` is flat, with what goes to rank 0 first; it must not change until they are there.
        """
        self._count(sent.element_size() * (sent.numel() - sizes[self.rank]))
        received = sent.new_empty(sum(counts))
        work = dist.all_to_all_single(
            received, sent, list(counts), list(sizes), group=self.group, async_op=True
        )
        return Arriving(received, tuple(counts), work, sent)

    def all_gather(
        self, tensor: torch.Tensor, lengths: Sequence[int], dim: int
    ) -> tuple[torch.Tensor, ...]:
        """The tensors of all ranks, which have ``lengths[r]`` entries along ``dim``."""
        if self.size == 1:
            return (tensor,)
        longest = max(lengths)
        own = tensor.movedim(dim, 0).contiguous()
        if len(own) < longest:  # collectives want equal sizes
            own = torch.cat([own, own.new_zeros(longest - len(own), *own.shape[1:])])
        gathered = [torch.empty_like(own) for _ in lengths]
        self._count(own.element_size() * own.numel() * (self.size - 1))
        dist.all_gather(gathered, own, group=self.group)
        pairs = zip(gathered, lengths, strict=True)
        return tuple(each[:length].movedim(0, dim) for each, length in pairs)

    def all_reduce(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum over the ranks, in place (counted as a ring sends it)."""
        if self.size > 1:
            self._count(2 * tensor.element_size() * tensor.numel() * (self.size - 1) // self.size)
            dist.all_reduce(tensor, group=self.group)
        return tensor

    def broadcast_all(self, messages: Sequence[torch.Tensor]) -> None:
        """Write into ``messages[r]`` what the rank at place r has there, for all ranks at once."""
        if self.size == 1:
            return
        works = []
        for source, message in enumerate(messages):
            if message.numel():
                here = source == self.rank
                self._count(message.nbytes * (self.size - 1) if here else 0)
                begun = dist.broadcast(message, self.ranks[source], group=self.group, async_op=True)
                works.append(begun)
        for work in works:
            work.wait()

    def gather_objects(self, value: Any) -> list[Any]:
        """Something small of any kind, as every rank has it."""
        if self.size == 1:
            return [value]
        gathered: list[Any] = [None] * self.size
        dist.all_gather_object(gathered, value, group=self.group)
        return gathered

    def rotate(self, flat: torch.Tensor, count: int) -> Callable[[], torch.Tensor]:
        """Start to send ``flat`` to the next rank, and to receive ``count`` numbers from the last.

        What is returned waits for the numbers. Where there are none, a single one travels: NCCL
        wants all ranks to take part.
        """
        received = flat.new_empty(max(count, 1))
        sent = flat if flat.numel() else flat.new_zeros(1)
        following = self.ranks[(self.rank + 1) % self.size]
        previous = self.ranks[self.rank - 1]
        self._count(flat.element_size() * flat.numel())
        works = dist.batch_isend_irecv(
            [
                dist.P2POp(dist.isend, sent, following, self.group),
                dist.P2POp(dist.irecv, received, previous, self.group),
            ]
        )

        def finish() -> torch.Tensor:
            for work in works:
                work.wait()
            return received[:count]

        return finish

    def _count(self, sent: int) -> None:
        self.bytes_sent += sent
        self.calls += 1


class SyncGroup:
    """The ranks that hold parts of the same sample, and so must take the same decisions.

    A channel of one rank means this process alone: every reduction is then a no-op.
    """

    def __init__(self, channel: Channel | None = None) -> None:
        self.channel = channel or Channel()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Element-wise sum of ``values`` over the ranks; every rank of the group must enter."""
        if self.channel.group is not None:
            dist.all_reduce(values, group=self.channel.group)
        return values


ALONE = SyncGroup()
