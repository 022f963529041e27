"""Context parallelism of one transformer: put on, taken off, and followed through a call."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from ..intercept import Call, Interception, intercept, parameter_names, uncompiled
from ..logger import init_logger
from .config import ParallelismConfig
from .context_plan import Count, Place, Plan, Split, Streams, Whole, places
from .distributed_attention import DistributedAttention, Tokens
from .failure import Failures
from .sequence import Layout

logger = init_logger(__name__)

CONTEXT_LEVEL = 50  # around the cache of the blocks, within the cache of the transformer's calls


class ContextParallel:
    """Splits the sequence of one transformer over the ranks, as plans say (one, or several on top).

    Making one checks the plan and touches nothing; `install` does the rest.

    Raises:
        ValueError: the plan does not fit the model, or the sizes do not fit the world.
    """

    def __init__(self, model: nn.Module, plans: Sequence[Plan], config: ParallelismConfig) -> None:
        self.name = type(model).__name__
        self.model = weakref.ref(model)
        self.plans = plans
        places(plans, model)  # to say what is wrong before anything is touched
        self.config = config
        self.attend = DistributedAttention.of(config)
        self.mesh = self.attend.mesh
        self.failures = Failures(self.name, self.mesh.context)
        self.lengths: dict[str, int] = {}
        self._layers: list[Interception] = []

    @property
    def bytes_sent(self) -> int:
        """Payload that this rank has sent so far along the axes that split the sequence."""
        mesh = self.mesh
        return sum(each.bytes_sent for each in (mesh.ring, mesh.ulysses, mesh.context))

    def install(self) -> None:
        """Put it on the model."""
        model = self.model()
        assert model is not None
        found = places(self.plans, model)
        if not any(place.name == "" for place in found):
            found.append(Place("", model))
        for place in found:
            around = uncompiled(Boundary(self, place).around)
            self._layers.append(intercept(place.module, level=CONTEXT_LEVEL, __call__=around))
            del place.module  # what is installed must not keep the model alive
        logger.info(
            f"context parallelism on {self.name}: ulysses {self.mesh.ulysses.size}, "
            f"ring {self.mesh.ring.size}"
        )

    def uninstall(self) -> None:
        """Take everything off again."""
        for layer in self._layers:
            layer.release()
        self._layers = []

    def layout(self, streams: Streams) -> Layout:
        """The sequence that is made of these streams in the current call.

        A stream that the call does not have is left out.

        Raises:
            ValueError: none of them was split yet.
        """
        lengths = tuple(self.lengths[name] for name in streams if name in self.lengths)
        if streams and not lengths:
            raise ValueError(
                f"{self.name}: the context-parallel plan uses the stream {streams[0]!r} before it "
                f"was split. Split so far: {', '.join(self.lengths) or 'nothing'}."
            )
        return Layout(lengths, self.mesh.context.size)

    def part(self, value: Any, split: Any, name: str) -> Any:
        """This rank's part of an argument or output, whatever it is made of."""
        if split is None or value is None:
            return value
        if isinstance(value, torch.Tensor):
            return self._tensor_part(value, split, name)
        if isinstance(split, Count):
            places = self.layout(split.of).positions(self._here, torch.device("cpu"))
            return int((places < value).sum())
        if isinstance(value, Mapping):
            return {key: self.part(each, split, name) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            splits = split if isinstance(split, (list, tuple)) else [split] * len(value)
            parts = [self.part(one, how, name) for one, how in zip(value, splits, strict=True)]
            return type(value)(parts)
        return value

    @property
    def _here(self) -> range:
        return range(self.mesh.context.rank, self.mesh.context.rank + 1)

    def _tensor_part(self, value: torch.Tensor, split: Split, name: str) -> torch.Tensor:
        if split.expected_dims is not None and value.ndim != split.expected_dims:
            return value
        if not split.of:
            stream = split.name or name
            self.lengths[stream] = value.shape[split.dim]
            return self.layout((stream,)).part(value, split.dim, self.mesh.context.rank)
        layout = self.layout(split.of)
        if split.tail:
            places = layout.positions(self._here, value.device)
            places = places - (layout.length - value.shape[split.dim])
            return value.index_select(split.dim, places[places >= 0])
        if value.shape[split.dim] == layout.length:
            return layout.part(value, split.dim, self.mesh.context.rank)
        if value.shape[split.dim] == 1:
            return value
        raise ValueError(
            f"{self.name}: {name} has {value.shape[split.dim]} entries along dimension "
            f"{split.dim}, but {' + '.join(split.of)} have {layout.length} tokens. Correct the "
            "context-parallel plan."
        )

    def whole(self, value: torch.Tensor, dim: int, streams: Streams) -> torch.Tensor:
        """The whole sequence, from the parts of all ranks."""
        return self.layout(streams).whole(value, dim, self.mesh.context)


class Boundary:
    """What happens around the calls of one module."""

    def __init__(self, parallel: ContextParallel, place: Place) -> None:
        self.parallel = parallel
        self.place = place
        self.names = parameter_names(place.module)
        followers = {name: each for name, each in place.inputs.items() if _follows(each)}
        self.inputs = {**place.inputs, **followers}
        for name in followers:  # the streams come first
            self.inputs[name] = self.inputs.pop(name)

    def around(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Split what goes in, attend over all ranks within, put together what comes out."""
        if self.place.name:
            return self._around(call, args, kwargs)
        self.parallel.lengths.clear()
        failures = self.parallel.failures
        failures.begin_call()
        try:
            return self._around(call, args, kwargs)
        except Exception as error:
            explained = failures.explained(error)
            if explained is error:
                raise
            raise explained from error

    def _around(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        place, parallel = self.place, self.parallel
        if self.inputs or place.whole:
            bound = dict(zip(self.names, args, strict=False)) | kwargs
            for name, how in self.inputs.items():
                if name in bound:
                    bound[name] = parallel.part(bound[name], how, name)
            bound = self._gathered(bound, place.whole)
            args, kwargs = tuple(bound.pop(each) for each in self.names[: len(args)]), bound
        output = self._attending(call, args, kwargs)
        if place.whole is not None and place.whole.output is not None:
            layout = parallel.layout(place.whole.of)
            output = layout.part(output, place.whole.output, parallel.mesh.context.rank)
        if place.outputs:
            parts = [
                parallel.part(each, place.outputs.get(at), f"{place.name}.{at}")
                for at, each in enumerate(output)
            ]
            output = type(output)(parts)
        return self._together(output) if place.gathers else output

    def _gathered(self, bound: dict[str, Any], whole: Whole | None) -> dict[str, Any]:
        for name, dim in whole.arguments.items() if whole else ():
            if bound.get(name) is not None:
                assert whole is not None
                bound[name] = self.parallel.whole(bound[name], dim, whole.of)
        return bound

    def _attending(self, call: Call, args: Any, kwargs: Any) -> Any:
        if not self.place.attention:
            return call(*args, **kwargs)
        with _Intercepted(self.parallel, self.place):
            return call(*args, **kwargs)

    def _together(self, output: Any) -> Any:
        several = isinstance(output, (list, tuple))
        gathers = self.place.gathers
        values = list(output) if several else [output]
        for at, how in enumerate(gathers):
            if how is not None and values[at] is not None:
                values[at] = self.parallel.whole(values[at], how.dim, how.of)
        return type(output)(values) if several else values[0]


def _follows(split: Any) -> bool:
    each = split if isinstance(split, (list, tuple)) else [split]
    return all(one is None or bool(one.of) for one in each)


class _Intercepted(TorchFunctionMode):
    """Within it, ``F.scaled_dot_product_attention`` goes over the tokens of all ranks."""

    def __init__(self, parallel: ContextParallel, place: Place) -> None:
        super().__init__()
        self.parallel, self.place = parallel, place
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        names = ("query", "key", "value")
        given = [*args[:3], *(kwargs.pop(name) for name in names[len(args) :])]
        query, key, value = given
        tokens = self._tokens(query, key)
        return self.parallel.attend(tokens, query, key, value, *args[3:], **kwargs)

    def _tokens(self, query: torch.Tensor, key: torch.Tensor) -> Tokens:
        several = self.place.attention  # one for each call that the module makes, in turn
        how = several[self.calls % len(several)]
        self.calls += 1
        parallel = self.parallel
        if how.keys:
            tokens = Tokens(parallel.layout(how.query), parallel.layout(how.keys))
            if not how.cached or parallel.attend.fits(tokens, key):
                return tokens
        return parallel.attend.asked(query, key)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and not self.calls and not self.place.attention[0].optional:
            raise ValueError(
                f"{self.parallel.name}: {self.place.name} did not call scaled_dot_product_attention"
                ", so that it would attend to this rank's tokens only. Use the attention backend "
                "'native', or correct the context-parallel plan."
            )
