"""The register of block adapters: which function describes which model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from ...intercept import unwrapped
from ...registry import Registry
from .block_adapter import BlockAdapter, FakeDiffusionPipeline

AdapterFunction = Callable[..., BlockAdapter]


class BlockAdapterRegister:
    """Adapters by prefix of the pipeline's or the transformer's class name; the longest wins.

    An adapter is a function ``adapter(pipe, **kwargs) -> BlockAdapter``. It may raise `ValueError`
    for a pipeline or transformer that it does not fit; less specific adapters are asked then.
    """

    _registry: Registry[AdapterFunction] = Registry(
        "block adapter", "cache_dit.caching.block_adapters"
    )

    @classmethod
    def register(cls, *prefixes: str) -> Callable[[AdapterFunction], AdapterFunction]:
        """Decorator: register an adapter function under class-name prefixes."""
        return cls._registry.register(*prefixes)

    @classmethod
    def unregister(cls, *prefixes: str) -> None:
        """Forget adapters."""
        cls._registry.unregister(*prefixes)

    @classmethod
    def get_adapter(cls, target: Any, **kwargs: Any) -> Any:
        """The `BlockAdapter` of a pipeline or transformer; for a class name, the adapter function.

        Raises:
            ValueError: nothing registered fits; the message says what was tried and why not.
        """
        if isinstance(target, str):
            return cls._registry.get(target)
        alone = isinstance(target, nn.Module) and _transformer_of(target) is None
        pipe = FakeDiffusionPipeline(target) if alone else target
        refusals: list[Exception] = []
        for adapter in cls._candidates(target):
            try:
                made = adapter(pipe, **kwargs)
            except (ValueError, AttributeError) as error:  # another class, or no transformer at all
                refusals.append(error)
                continue
            if isinstance(made, BlockAdapter):
                return made
            raise TypeError(f"{adapter.__name__}: returned {made!r}; expected a BlockAdapter.")
        if refusals:
            raise ValueError(str(refusals[0])) from refusals[0]
        return cls._registry.get(_model_of(target))(pipe, **kwargs)

    @classmethod
    def is_supported(cls, target: Any) -> bool:
        """Whether an adapter fits this pipeline, transformer or class name."""
        if isinstance(target, str):
            return cls._registry.find(target) is not None
        try:
            cls.get_adapter(target)
        except ValueError:
            return False
        return True

    @classmethod
    def has_separate_cfg(cls, target: Any) -> bool:
        """Whether this model is called for the conditional and unconditional branch apart."""
        return cls.is_supported(target) and cls.get_adapter(target).has_separate_cfg

    @classmethod
    def supported_pipelines(cls) -> tuple[int, list[str]]:
        """How many prefixes are registered, and which."""
        names = cls._registry.names()
        return len(names), names

    @classmethod
    def _candidates(cls, target: Any) -> list[AdapterFunction]:
        found = [*cls._registry.matches(target), *cls._registry.matches(_model_of(target))]
        return list(dict.fromkeys(found))


def _transformer_of(target: Any) -> Any:
    for name in ("transformer", "transformer_2"):
        if getattr(target, name, None) is not None:
            return getattr(target, name)
    return None


def _model_of(target: Any) -> Any:
    model = _transformer_of(target)
    model = target if model is None else model
    model = model[0] if isinstance(model, (list, tuple)) else model
    return unwrapped(model)
