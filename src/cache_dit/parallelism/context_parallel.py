"""Context parallelism of one transformer: put on, taken off, and followed through a call."""

from __future__ import annotations

import weakref
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from ..attention_backend import natively
from ..intercept import Interception, intercept, uncompiled
from ..logger import init_logger
from .boundary import Boundary
from .config import ParallelismConfig
from .context_places import Place, places
from .context_plan import Plan
from .distributed_attention import DistributedAttention, Tokens
from .failure import watch
from .progress import Progress

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
        found = places(plans, model)  # to say what is wrong before anything is touched
        self.config = config
        self.attend = DistributedAttention.of(config)
        self.mesh = self.attend.mesh
        if any(place.by_heads for place in found):
            for option in ("ulysses_float8", "ulysses_async"):
                if getattr(config, option):
                    logger.warning(
                        f"ParallelismConfig: {option} changes nothing where {self.name} exchanges "
                        "heads at the boundaries of modules."
                    )
        self.progress = Progress(self.name, self.mesh.context)
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
        self._layers += watch(model, self.mesh.sample)
        logger.info(
            f"context parallelism on {self.name}: ulysses {self.mesh.ulysses.size}, "
            f"ring {self.mesh.ring.size}"
        )

    def uninstall(self) -> None:
        """Take everything off again."""
        for layer in self._layers:
            layer.release()
        self._layers = []

    @contextmanager
    def attending(
        self, place: Place, modules: Sequence[nn.Module], given: Container[str]
    ) -> Iterator[None]:
        """Within it, the attention of a module goes over the tokens of all ranks.

        ``modules`` are those in it that may ask for another kernel than torch's, and ``given`` the
        arguments that it has in this call.
        """
        with natively(modules) as backend, _Intercepted(self, place, backend, given):
            yield


class _Intercepted(TorchFunctionMode):
    """Within it, ``F.scaled_dot_product_attention`` goes over the tokens of all ranks.

    A kernel of diffusers' registry may stand in for it on each rank.
    """

    def __init__(
        self,
        parallel: ContextParallel,
        place: Place,
        backend: str | None,
        given: Container[str],
    ) -> None:
        super().__init__()
        self.parallel, self.place = parallel, place
        self.backend = backend
        self.cached = any(how.cached in given for how in place.attention)
        self.beside = any(how.beside in given for how in place.attention)
        self.calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        ours = func is F.scaled_dot_product_attention and not (self.calls and self.beside)
        if not ours:
            return func(*args, **kwargs)
        names = ("query", "key", "value")
        given = [*args[:3], *(kwargs.pop(name) for name in names[len(args) :])]
        query, key, value = given
        tokens = self._tokens(query, key)
        kwargs["backend"] = self.backend
        return self.parallel.attend(tokens, query, key, value, *args[3:], **kwargs)

    def _tokens(self, query: torch.Tensor, key: torch.Tensor) -> Tokens:
        several = self.place.attention  # one for each call that the module makes, in turn
        how = several[self.calls % len(several)]
        self.calls += 1
        parallel = self.parallel
        if not how.keys:
            return parallel.attend.asked(query, key)
        layout = parallel.progress.layout
        tokens = Tokens(layout(how.query), layout(how.keys))
        if not self.cached:
            return tokens
        asked = parallel.attend.asked(query, key)
        return tokens if tokens.sizes == asked.sizes else asked

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and not self.calls and not self.place.attention[0].optional:
            raise ValueError(
                f"{self.parallel.name}: {self.place.name} did not call scaled_dot_product_attention"
                ", so that it would attend to this rank's tokens only. Correct the "
                "context-parallel plan."
            )
