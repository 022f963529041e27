"""Blocks under one decision: a head that always runs, regions that may be skipped, a tail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import torch

from ..intercept import Around, Call, uncompiled
from . import policy
from .block_streams import BlockStreams, Streams
from .config import DBCacheConfig
from .held import Held
from .layout import Layout
from .measure import Reference
from .policy import Action, Reason, Verdict
from .region import Region
from .run_settings import RunSettings
from .state import CacheState, Decision, History
from .thresholds import Threshold

if TYPE_CHECKING:
    from .denoiser import Denoiser


class Group:
    """One decision for the blocks of a layout, taken anew at every pass over them.

    The signal that decides is what the head adds to the denoised stream; without a head (DBPrune)
    it is the denoised stream that enters the first block itself.
    """

    def __init__(
        self,
        name: str,
        layout: Layout,
        config: DBCacheConfig,
        make_histories: Callable[[], list[History]],
        threshold: Threshold,
        denoiser: Denoiser,
    ) -> None:
        self.name = name
        self.layout = layout
        self.config = config
        self.make_histories = make_histories
        self.threshold = threshold
        self.denoiser = denoiser
        self.regions = layout.regions()
        self.mirrored = layout.mirrored()
        self.copies = False  # a block of the head was seen to write into its input
        self.states: dict[tuple[str, int], CacheState] = {}
        self.earlier: dict[str, Counter[str]] = {}
        self.begin_run()

    def begin_run(self) -> None:
        """Forget the last run, but for how much was reused."""
        self.earlier = self.accumulated()
        self.states.clear()
        self.threshold.begin_run()
        self.run = RunSettings(self.name, self.config, self.config.num_inference_steps)
        self._begin_pass_anew()

    def begin_pass(self, traversal: int) -> None:
        """The model is about to go over the blocks, for the first or another time in this call."""
        denoiser = self.denoiser
        total = denoiser.total_steps or self.config.num_inference_steps
        if total != self.run.total:
            self.run = RunSettings(self.name, self.config, total)
        self._begin_pass_anew()
        self.traversal = traversal
        self.state = self._state(denoiser.branch, traversal)
        learns = not denoiser.at_last_step and denoiser.must_compute is None
        for region, histories in zip(self.regions, self.state.histories, strict=True):
            region.begin(histories, denoiser.step, learns=learns)

    def _begin_pass_anew(self) -> None:
        self.traversal = 0
        self.entered = False
        self.reusing: bool | None = None
        self.beginning: Held | None = None  # the stream that the signal is measured from
        self.signal: torch.Tensor | None = None
        self.entry: Held | None = None  # the stream that long skips are measured from

    def accumulated(self) -> dict[str, Counter[str]]:
        """Branch -> how many steps there were, and were reused, in all runs so far."""
        totals = dict(self.earlier)
        for (branch, _), state in self.states.items():
            reused = sum(decision.reused for decision in state.decisions)
            counts = Counter(steps=len(state.decisions), reused=reused)
            totals[branch] = totals.get(branch, Counter()) + counts
        return totals

    def end_call(self) -> None:
        """The transformer call is over; nothing that belongs to it is kept.

        Raises:
            RuntimeError: the model went past the last block of a region without calling it, so that
                the prediction was never handed out.
        """
        self.beginning = self.signal = self.entry = None
        for region in self.regions:
            if region.prediction is not None:
                region.prediction = None
                raise RuntimeError(
                    f"{self.name}: block {region.last} was not called on a reused step, though it "
                    "was on the step before. If an argument of the transformer makes it leave "
                    "blocks out, name it in the adapter's branch_on."
                )

    def release_tensors(self) -> None:
        """Drop every stored tensor; the record of the run stays."""
        self.beginning = self.signal = self.entry = None
        for state in self.states.values():
            state.forget()
        for region in self.regions:
            region.entry = region.prediction = None

    def taps(self) -> dict[int, Around]:
        """What to run around which blocks."""
        taps: dict[int, Around] = {}
        if not self.regions:
            return taps
        layout = self.layout
        if layout.start is not None:
            for index in {layout.start, layout.first - 1}:
                taps[index] = uncompiled(self._head(index))
        skippable = cache(self._skippable)  # what like blocks share stays in the processor's cache
        for region in self.regions:
            for index in region.indices:
                enters = layout.start is None and index == layout.first
                io, last = layout.slots[index].io, index == region.last
                taps[index] = skippable(region, io, enters=enters, last=last)
        for index in self.mirrored:
            taps[index] = uncompiled(self._behind(index))
        return taps

    def _head(self, index: int) -> Around:
        io = self.layout.slots[index].io
        starts, ends = index == self.layout.start, index == self.layout.first - 1

        def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if starts:
                self._enter()
                if policy.measures(self.run.config):
                    hidden = io.read(args, kwargs)[0]
                    assert hidden is not None
                    self.beginning = Held.of(hidden, self.copies)
            output = call(*args, **kwargs)
            if ends and self.beginning is not None:
                self.signal = self._added(io.unpack(output)[0])
            return output

        return around

    def _skippable(self, region: Region, io: BlockStreams, *, enters: bool, last: bool) -> Around:
        between = not (enters or last or io.adds_encoder)

        def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            if between and region.prediction is not None:  # made, and not yet handed out
                return io.pass_on(args, kwargs)
            if enters:
                self._enter()
            if region.skipping is None:
                streams = io.read(args, kwargs)
                ready = region.ready(streams)
                if self.reusing is None:
                    self.reusing = self._decide(streams, ready)
                region.skipping = self.reusing and ready
            if region.skipping:
                return region.skip(io, args, kwargs, last=last)
            return region.compute(io, call, args, kwargs, last=last)

        return uncompiled(around)

    def _behind(self, index: int) -> Around:
        name = self.layout.long_skip
        assert name is not None

        def around(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            skips = self.state.skips
            if kwargs.get(name) is None or self.entry is None:
                return call(*args, **kwargs)
            if index not in skips:  # not all blocks of the back half need take one
                skips[index] = self.make_histories()[0]
            if self.reusing:
                kwargs[name] = skips[index].predict(self.denoiser.step, self.entry.tensor)
            elif self.entry.intact:
                skips[index].learn(self.denoiser.step, self.entry.tensor, kwargs[name])
            else:
                skips[index].clear()
            return call(*args, **kwargs)

        return around

    def _enter(self) -> None:
        denoiser = self.denoiser
        if not denoiser.in_call and self is denoiser.groups[0]:
            denoiser.begin_call((), {})  # somebody called forward, past the interception
        elif self.entered:
            self.begin_pass(self.traversal + 1)
        self.entered = True

    def _added(self, hidden: torch.Tensor | None) -> torch.Tensor | None:
        assert self.beginning is not None
        if not self.beginning.intact:
            self.copies = True
            return None
        before = self.beginning.tensor
        if hidden is None or hidden.shape != before.shape:
            return None
        return hidden.detach() - before

    def _keep(self, signal: torch.Tensor) -> Held:
        ours = self.layout.start is not None  # a difference, which nobody else can write to
        copies = self.copies or self.regions[0].copies
        return Held(signal, -1) if ours else Held.of(signal, copies)

    def _decide(self, streams: Streams, ready: bool) -> bool:
        denoiser, state = self.denoiser, self.state
        state.progress.step = denoiser.step - state.origin
        if self.mirrored and streams[0] is not None:
            self.entry = Held.of(streams[0], self.regions[0].copies)
        if self.layout.start is None and policy.measures(self.run.config):
            self.signal = streams[0]
        elif self.signal is None and self.beginning is not None:  # the head's end was left out
            self.signal = self._added(streams[0])
        verdict, change, threshold = self._judge(ready)
        reused = verdict.action is Action.REUSE
        state.progress.advance(reused, change)
        if not reused:
            signal = self.signal
            state.reference = None if signal is None else Reference(self._keep(signal))
        self.beginning = self.signal = None
        assert verdict.reason is not None
        state.decisions.append(Decision(denoiser.step, reused, verdict.reason, change, threshold))
        return reused

    def _judge(self, ready: bool) -> tuple[Verdict, float | None, float | None]:
        denoiser, state, config = self.denoiser, self.state, self.run.config
        verdict = self._followed() or policy.verdict(config, self.run.mask, state.progress)
        if denoiser.must_compute is not None:
            verdict = Verdict(Action.COMPUTE, denoiser.must_compute)
        if verdict.reason is Reason.BEYOND_MASK:
            self.run.note_mask_end()
        if verdict.action is Action.COMPUTE:
            return verdict, None, None
        if not (ready and all(self.state.skips.values())):
            began = len(state.decisions) > 0 and state.decisions[-1].step >= state.origin
            missing = Reason.NOTHING_STORED if began else Reason.FIRST
            reason = Reason.SHAPE if denoiser.inputs_changed else missing
            return Verdict(Action.COMPUTE, reason), None, None
        if verdict.action is Action.REUSE:
            return verdict, None, None
        if (change := self._change()) is None:
            return Verdict(Action.COMPUTE, Reason.NOTHING_STORED), None, None
        threshold = self.threshold.at(denoiser.branch, denoiser.step)
        self.threshold.note(denoiser.branch, denoiser.step, change)
        return policy.judge(config, state.progress, change, threshold), change, threshold

    def _change(self) -> float | None:
        signal, reference = self.signal, self.state.reference
        if reference is not None and not reference.held.intact:
            self.copies = True
            return None
        if signal is None or reference is None or signal.shape != reference.held.tensor.shape:
            return None
        return reference.change(signal, self.denoiser.sync)

    def _followed(self) -> Verdict | None:
        """The decision of the conditional call at this step, where this call is to follow it."""
        denoiser = self.denoiser
        if self.config.cfg_diff_compute_separate or not denoiser.is_unconditional(denoiser.branch):
            return None
        for (branch, traversal), state in self.states.items():
            leads = traversal == self.traversal and not denoiser.is_unconditional(branch)
            if leads and state.decisions and state.decisions[-1].step == denoiser.step:
                action = Action.REUSE if state.decisions[-1].reused else Action.COMPUTE
                return Verdict(action, Reason.FOLLOWS)
        return None

    def _state(self, branch: str, traversal: int) -> CacheState:
        key = (branch, traversal)
        if key not in self.states:
            self.states[key] = CacheState([self.make_histories() for _ in self.regions])
        state, step = self.states[key], self.denoiser.step
        if state.decisions and policy.starts_afresh(self.config, state.decisions[-1].step, step):
            state.restart(step)
        if self.denoiser.inputs_changed:
            state.forget()
        return state
