"""What happens around the calls of one module of a model whose sequence is split."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ..intercept import Call, positional_names
from .containers import contents, with_contents
from .context_places import Place
from .head_shares import HeadShares
from .plan_steps import Measure, Split
from .token_sums import Summed

if TYPE_CHECKING:
    from .context_parallel import ContextParallel


class Boundary:
    """Carries out what a plan says about one module."""

    def __init__(self, parallel: ContextParallel, place: Place) -> None:
        self.parallel = parallel
        self.place = place
        self.names = positional_names(place.module)
        self.inputs = dict(sorted(place.inputs.items(), key=lambda item: _turn(item[1])))
        self.module = weakref.ref(place.module)
        modules = place.module.modules() if place.attention else ()
        self.asking = [weakref.ref(each) for each in modules if hasattr(each, "processor")]

    def around(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do to the arguments and to the output what the plan says."""
        if self.place.name:
            return self._around(call, args, kwargs)
        self.parallel.progress.begin()
        try:
            return self._around(call, args, kwargs)
        finally:
            self.parallel.attend.masks.forget()

    def _around(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        heads = self.parallel.progress.heads
        known = len(heads)
        with self._own_heads():
            args, kwargs = self._entering(args, kwargs)
            with self._attending(args, kwargs), self._summing():
                output = call(*args, **kwargs)
            output = self._leaving(output)
        del heads[known:]
        return output

    def _entering(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if not self.inputs:
            return args, kwargs
        bound = dict(zip(self.names, args, strict=False)) | kwargs
        given = dict(bound)
        for name, step in self.inputs.items():
            if name in bound:
                bound[name] = self.parallel.progress.apply(step, bound[name], name, given)
        named = tuple(bound.pop(each) for each in self.names[: len(args)])
        return (*named, *args[len(named) :]), bound

    def _leaving(self, output: Any) -> Any:
        steps = self.place.outputs
        if not steps:
            return output
        inner = contents(output)
        values = [output] if inner is None else inner
        for at, step in steps.items():
            name = f"{self.place.name}.{at}"
            values[at] = self.parallel.progress.apply(step, values[at], name, {})
        return values[0] if inner is None else with_contents(output, values)

    def _attending(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> AbstractContextManager[None]:
        if not self.place.attention:
            return nullcontext()
        asking = [module for each in self.asking if (module := each()) is not None]
        bound = dict(zip(self.names, args, strict=False)) | kwargs
        given = [name for name, value in bound.items() if value is not None]
        return self.parallel.attending(self.place, asking, given)

    def _summing(self) -> AbstractContextManager[Any]:
        entry, context = self.place.sums, self.parallel.mesh.context
        if entry is None:
            return nullcontext()
        tokens = self.parallel.progress.layout(entry.of).sizes[context.rank]
        name = f"{self.parallel.name}: {self.place.name}"
        return Summed(name, entry.functions, tokens, context)

    @contextmanager
    def _own_heads(self) -> Iterator[None]:
        """Within it, the module's number of heads is that of the heads here."""
        entry, module = self.place.heads, self.module()
        if entry is None or module is None:
            yield
            return
        known = self.parallel.progress.heads
        if not entry.attribute:
            each = entry.each
            known.append(attrgetter(each)(module).shape[-1] if isinstance(each, str) else each)
            yield
            return
        count = getattr(module, entry.attribute)
        shares = HeadShares(count, self.parallel.mesh.context)
        known.append(shares)
        setattr(module, entry.attribute, len(shares.here))
        try:
            yield
        finally:
            setattr(module, entry.attribute, count)


def _turn(step: Any) -> int:
    """Streams come first, then those that are split along others, then what follows them."""
    each = step if isinstance(step, list) else [step]
    known = [one for one in each if one is not None]
    if all(isinstance(one, (Split, Measure)) and not getattr(one, "of", ()) for one in known):
        return int(any(getattr(one, "along", "") or getattr(one, "first", "") for one in known))
    return 2
