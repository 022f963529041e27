"""The model under verification: how it is called, and what it does without a cache."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from cache_dit import BlockAdapter, BlockAdapterRegister, get_adapter, summary
from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.intercept import unwrapped
from cache_dit.verify.block_calls import BlockCall, BlockCalls
from cache_dit.verify.chain import Chain, Place
from cache_dit.verify.outputs import difference, finite
from cache_dit.verify.settings import NAMED
from cache_dit.verify.traces import Traces, differences, traces
from cache_dit.verify.zoo.tensors import tensors

MakeInputs = Callable[[int, int], Mapping[str, Any]]
"""``make_inputs(step, seed)``: keyword arguments of the transformer's ``forward`` at a denoising
step, made anew for every call. From step to step the sample and the time move a little; another
seed is another sample and prompt of the same shapes, such as those of the unconditional call."""

Prefill = Callable[[int], Mapping[str, Any]]
"""``prefill(seed)``: calls the transformer as is done once before the denoising, to fill a
key-value cache, and gives the arguments that hand it over to the denoising calls."""

DRIFT = 3  # steps with inputs that move as a sampler moves them
FAR = 40  # a step far from all others


@dataclass(frozen=True)
class Baseline:
    """What the uncached model does.

    Attributes:
        outputs: (step, seed) -> what it returns.
        calls: the block calls of one call, in order.
        counts: how often each block runs in one call.
        prefill: how often each block runs in the calls before the denoising.
        traces: classes and attributes of all modules.
        volatile: names of attributes that the model itself replaces from call to call.
    """

    outputs: Mapping[tuple[int, int], list[torch.Tensor]]
    calls: list[BlockCall]
    counts: Counter[Place]
    prefill: Counter[Place]
    traces: Traces
    volatile: set[str]


class Subject:
    """A transformer, what the cache is told about it, and how to call it.

    Raises:
        ValueError: the model cannot be called as described, or its inputs show nothing.
    """

    def __init__(
        self,
        adapter: BlockAdapter,
        make_inputs: MakeInputs,
        prefill: Prefill | None = None,
        baseline: Baseline | None = None,
    ) -> None:
        self.adapter = adapter
        self.make_inputs = make_inputs
        self.prefill = prefill
        self.transformer, self.lists = _lists(adapter)
        self.named = hasattr(self.transformer, "cache_context")
        self.filled: dict[int, Mapping[str, Any]] = {}
        self.baseline = baseline or self._record()
        running = [(call.blocks, call.index) for call in self.baseline.calls]
        self.chains = [Chain.of(lists, running) for lists in _together(adapter, self.lists)]

    def with_adapter(self, adapter: BlockAdapter) -> Subject:
        """The same model, described in another way."""
        other = Subject(adapter, self.make_inputs, self.prefill, self.baseline)
        other.filled = self.filled
        return other

    def call(self, step: int, seed: int = 0, context: str | None = None) -> list[torch.Tensor]:
        """What the transformer returns as it is now, for inputs made anew."""
        filled = copy.deepcopy(self.filled.get(seed, {}))  # a model may write to its cache
        named = self.transformer.cache_context(context) if context else nullcontext()
        with torch.no_grad(), named:
            return tensors(self.transformer(**self.make_inputs(step, seed), **filled))

    def fill(self, seed: int) -> Mapping[str, Any]:
        """What the calls before the denoising give, made with the transformer as it is now."""
        with torch.no_grad():
            return self.prefill(seed) if self.prefill else {}

    def _record(self) -> Baseline:
        with BlockCalls(self.lists) as filling:
            self.filled[0] = self.fill(0)
        outputs = {(0, 0): self.call(0)}
        with BlockCalls(self.lists) as denoising:
            repeated = self.call(0)
        first = traces(self.transformer)
        self.filled[1] = self.fill(1)
        for step, seed in [(0, 1), *((step, 0) for step in range(1, DRIFT)), (FAR, 0)]:
            outputs[step, seed] = self.call(step, seed)
        for context in NAMED if self.named else ():
            self.call(0, 0, context)
        _require_telling(type(self.transformer).__name__, outputs, repeated)
        now = traces(self.transformer)
        return Baseline(
            outputs,
            denoising.calls,
            denoising.counts(),
            filling.counts(),
            now,
            differences(first, now),
        )


def _require_telling(
    name: str,
    outputs: Mapping[tuple[int, int], list[torch.Tensor]],
    repeated: list[torch.Tensor],
) -> None:
    """Raise `ValueError` where the outputs could not show whether a cache is right."""
    plain = outputs[0, 0]
    if not plain or not finite(plain):
        raise ValueError(
            f"{name}: the uncached model returns {'NaN or infinity' if plain else 'no tensor'}. "
            "Give it other weights or inputs."
        )
    if difference(repeated, plain):
        raise ValueError(
            f"{name}: two calls of the uncached model with make_inputs(0, 0) differ. Make the same "
            "inputs for the same step and seed, and call model.eval()."
        )
    for what, key in (("step", (1, 0)), ("seed", (0, 1))):
        if not difference(outputs[key], plain):
            raise ValueError(
                f"{name}: the output is the same for another {what}, so that a mistake would not "
                f"be seen. Let the {what} change the sample in make_inputs(step, seed)."
            )


def adapter_of(target: Any) -> BlockAdapter:
    """The adapter of an adapter, pipeline or transformer.

    Raises:
        ValueError: it is cached already.
    """
    if summary(target, logging=False):
        raise ValueError(
            f"check_cache: the cache is enabled on this {type(target).__name__} already. Call "
            "disable_cache first."
        )
    if isinstance(target, BlockAdapter):
        return target
    if isinstance(target, nn.Module) and not BlockAdapterRegister.is_supported(target):
        return BlockAdapter(transformer=target, auto=True)
    return get_adapter(target)


def _lists(adapter: BlockAdapter) -> tuple[Any, list[BlockList]]:
    found = adapter.transformers()
    if len(found) != 1:
        raise ValueError(
            f"check_cache: this adapter has {len(found)} transformers. Check them one by one, each "
            "with an adapter and inputs of its own."
        )
    transformer = found[0].transformer
    return unwrapped(transformer), found[0].lists


def _together(adapter: BlockAdapter, lists: list[BlockList]) -> list[list[BlockList]]:
    """The lists that decide together; where the first of them stands, their decision stands."""
    everything = adapter.chained is True or adapter.interleaved
    named = adapter.chained if isinstance(adapter.chained, tuple) else ()
    linked = [each for each in lists if everything or each.name in named]
    heads = [each for each in lists if each not in linked[1:]]
    return [linked if each in linked else [each] for each in heads]


def described(subject: Subject) -> dict[str, Any]:
    """What the cache is told about the model, for reports."""
    adapter = subject.adapter
    facts: dict[str, Any] = {
        "blocks": {each.name: each.pattern.name for each in subject.lists},
        "decisions": [[each.name for each in chain.lists] for chain in subject.chains],
        "separate_cfg": adapter.has_separate_cfg,
        "named_calls": subject.named,
    }
    for name in ("interleaved", "own_streams", "stream_parameters", "long_skip", "branch_on"):
        if value := getattr(adapter, name):
            facts[name] = list(value) if isinstance(value, tuple) else value
    return facts | {"compute_when": True} if adapter.compute_when else facts
