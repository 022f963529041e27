"""What a transformer really computed: seen by hooks on its blocks, below the cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from cache_dit.caching.stats import CacheStats


class CallLog:
    """For every call of a transformer, how many blocks of each of its block lists ran.

    The hooks are torch's own, so that nothing of the cache takes part in the counting. They have to
    be put on before ``torch.compile`` and can stay on while the cache comes and goes.

    Attributes:
        calls: one entry for each call: name of a block list -> number of its blocks that ran.
    """

    def __init__(self, transformer: nn.Module, lists: Mapping[str, nn.ModuleList]) -> None:
        self.sizes = {name: len(blocks) for name, blocks in lists.items()}
        self.calls: list[dict[str, int]] = []
        transformer.register_forward_pre_hook(self._begin_call)
        for name, blocks in lists.items():
            for block in blocks:
                block.register_forward_pre_hook(self._counter(name))

    def clear(self) -> None:
        """Forget the calls so far."""
        self.calls.clear()

    def _begin_call(self, module: nn.Module, args: Any) -> None:
        self.calls.append(dict.fromkeys(self.sizes, 0))

    def _counter(self, name: str) -> Any:
        def count(module: nn.Module, args: Any) -> None:
            self.calls[-1][name] += 1

        return count


def says(
    stats: Sequence[CacheStats], log: CallLog, branches: Sequence[str]
) -> list[dict[str, int]]:
    """What ``log.calls`` has to be according to a summary.

    Args:
        stats: the summary of the transformer, one entry for each block list or chain of lists.
        log: for the number of blocks.
        branches: the branch of every call, in order; its k-th call has its k-th decision.
    """
    calls: list[dict[str, int]] = []
    counts: Counter[str] = Counter()
    for branch in branches:
        call, counts[branch] = counts[branch], counts[branch] + 1
        calls.append({each.name: _blocks_run(each, log, branch, call) for each in stats})
    return calls


def seen(stats: Sequence[CacheStats], log: CallLog) -> list[dict[str, int]]:
    """``log.calls``, with the lists of a chain added up as the summary names them."""
    return [
        {each.name: sum(call[name] for name in each.name.split("+")) for each in stats}
        for call in log.calls
    ]


def reused_steps(stats: CacheStats) -> dict[str, list[int]]:
    """Branch -> the steps that it reused."""
    return {
        branch: [decision.step for decision in decisions if decision.reused]
        for branch, decisions in stats.decisions.items()
    }


def blocks_of(stats: CacheStats, log: CallLog) -> int:
    """How many blocks a block list, or chain of lists, has."""
    return sum(log.sizes[name] for name in stats.name.split("+"))


def _blocks_run(stats: CacheStats, log: CallLog, branch: str, call: int) -> int:
    every = blocks_of(stats, log)
    decision = stats.decisions[branch][call]
    options = stats.cache_options
    always = options["Fn_compute_blocks"] + options["Bn_compute_blocks"]
    return always if decision.reused else every
