"""One transformer under cache: which run, step and branch its current call belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..comm import ALONE, SyncGroup
from ..intercept import Around, Call, parameter_names, uncompiled
from .clock import Clock, Tick
from .group import Group
from .policy import Reason

CONDITIONAL, UNCONDITIONAL, CACHE_WRITE = "cond", "uncond", "cache_write"
CARRIERS = (torch.Tensor, dict, list, tuple)  # what a tensor may come in
TIMESTEP_NAMES = ("timestep", "timesteps", "t", "time", "sigma")
TIMESTEP_ENDINGS = ("_timestep", "_timesteps", "_time")


class Denoiser:
    """Follows the calls of a transformer, and tells its groups where in the run they are.

    A call belongs to a *branch* (conditional, unconditional, perturbed, ...): the name that the
    pipeline gives it through diffusers' ``cache_context``; else its place among the calls of one
    step, where the model is known to be called once for each; else there is one branch. Calls that
    fill a key-value cache come between the steps at any time: they are a branch of their own.

    A *step* goes on until one of its branches comes again, or the clock moves on. All branches
    count the steps of the run, so that one that is left out for a while knows how long it was gone.

    Attributes:
        step: index in the run of the step that the current call belongs to.
        latest: the step of the latest call of any branch.
        branch: name of the current call's branch.
        total_steps: length of the run, if known.
        in_call: whether the transformer is being called (through the interception).
        inputs_changed: whether shapes, dtypes or devices differ from the branch's call before.
        must_compute: why the current call may not skip anything, or None.
    """

    def __init__(
        self,
        transformer: nn.Module,
        *,
        separate_cfg: bool = False,
        unconditional_first: bool = False,
        branch_on: tuple[str, ...] = (),
        compute_when: Callable[[dict[str, Any]], bool] | None = None,
        num_inference_steps: int | None = None,
        sync: SyncGroup = ALONE,
    ) -> None:
        self.separate_cfg = separate_cfg
        self.unconditional_first = unconditional_first
        self.branch_on = branch_on
        self.compute_when = compute_when
        self.num_inference_steps = num_inference_steps
        self.sync = sync
        self.groups: list[Group] = []
        self.pipeline_steps: Callable[[], int | None] | None = None
        self.check: Callable[[], None] | None = None  # that the model can still be cached
        self.scheduler: Any = None
        self._parameters = parameter_names(transformer)
        others = [name for name in self._parameters if name.endswith(TIMESTEP_ENDINGS)]
        self._timesteps = (*TIMESTEP_NAMES, *others)
        self._context: str | None = None
        self.in_call = False
        self.begin_run()

    def begin_run(self) -> None:
        """A new run begins with the next call."""
        self.clock = Clock()
        self.steps: dict[str, int] = {}
        self.signatures: dict[str, Any] = {}
        self.calls = 0
        self.order = 0
        self.latest = -1
        self.step, self.branch = -1, ""
        self.total_steps: int | None = None
        self.inputs_changed = False
        self.must_compute: Reason | None = None
        for group in self.groups:
            group.begin_run()

    def release_tensors(self) -> None:
        """Drop everything stored; statistics stay."""
        self.signatures.clear()
        for group in self.groups:
            group.release_tensors()

    @property
    def at_last_step(self) -> bool:
        """Whether nothing of this step can be needed again."""
        return self.total_steps is not None and self.step >= self.total_steps - 1

    @staticmethod
    def is_unconditional(branch: str) -> bool:
        """Whether a branch of that name is the unconditional one (or a variant of it)."""
        return UNCONDITIONAL in branch and not branch.startswith(CONDITIONAL)

    def taps(self) -> dict[str, Around]:
        """What to run around which methods of the transformer."""
        return {"__call__": uncompiled(self._around_call), "cache_context": self._around_context}

    def _around_call(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.in_call:  # a compiled wrapper and the module inside it are both intercepted
            return call(*args, **kwargs)
        self.begin_call(args, kwargs)
        self.in_call = True
        try:
            output = call(*args, **kwargs)
        except BaseException:
            self.in_call = False
            self.begin_run()
            raise
        self.in_call = False
        for group in self.groups:
            group.end_call()
        return output

    @contextmanager
    def _around_context(
        self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Iterator[Any]:
        before, self._context = self._context, args[0] if args else kwargs.get("name")
        try:
            with call(*args, **kwargs) as value:
                yield value
        finally:
            self._context = before

    def begin_call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Find out run, branch and step of a call with these arguments."""
        if self.calls == 0 and self.check is not None:
            self.check()
        bound = dict(zip(self._parameters, args, strict=False)) | kwargs if args else kwargs
        writes = self.compute_when is not None and self.compute_when(bound)
        length = self._length()
        if writes:
            branch, step = CACHE_WRITE, self.steps.get(CACHE_WRITE, -1) + 1
        else:
            branch, step = self._place(bound)
            if length is not None and step >= length:
                self.begin_run()  # the announced number of steps is used up
                branch, step = self._place(bound)
            self.calls += 1
            self.latest = step
        self.branch = branch
        self.step = self.steps[branch] = step
        self.total_steps = length
        signature = _signature(bound)
        self.inputs_changed = self.signatures.get(branch, signature) != signature
        self.signatures[branch] = signature
        self.must_compute = Reason.CACHE_WRITE if writes else None
        for group in self.groups:
            group.begin_pass(0)

    def _place(self, bound: dict[str, Any]) -> tuple[str, int]:
        """Branch and step of a call; begins a new run where the clock has jumped back."""
        timestep = _first_of(bound, self._timesteps)
        by_order = self._context is None and self.separate_cfg
        alone = self.pipeline_steps is None and self.num_inference_steps is None
        tick = self.clock.tick(self.scheduler, timestep, may_read=by_order or alone)
        if tick is Tick.RESTART:
            self.begin_run()
            self.clock.tick(self.scheduler, timestep, may_read=by_order or alone)
        branch = self._branch(bound, tick)
        comes_again = self.steps.get(branch, -1) == self.latest
        return branch, self.latest + (comes_again or tick is Tick.NEXT)

    def _branch(self, bound: dict[str, Any], tick: Tick) -> str:
        given = [name for name in self.branch_on if bound.get(name) is not None]
        kinds = "".join([f"+{name}" for name in given if bound[name] is not False])
        if self._context is not None:
            return self._context + kinds
        if not self.separate_cfg:
            return kinds
        self.order = 0 if tick is Tick.NEXT or self.calls == 0 else 1 - self.order
        names = (CONDITIONAL, UNCONDITIONAL)
        return names[self.order ^ self.unconditional_first] + kinds

    def _length(self) -> int | None:
        in_pipeline = self.pipeline_steps() if self.pipeline_steps else None
        return in_pipeline or self.num_inference_steps


def _first_of(bound: dict[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        if bound.get(name) is not None:
            return bound[name]
    return None


def _signature(value: Any) -> Any:
    """Shapes, dtypes and devices of all tensors among the arguments."""
    if isinstance(value, torch.Tensor):
        return value.shape, value.dtype, value.device
    if isinstance(value, dict):
        return {key: _signature(each) for key, each in value.items() if isinstance(each, CARRIERS)}
    return [_signature(each) for each in value if isinstance(each, CARRIERS)]
