"""Which kernel of diffusers' registry a model's attention uses, kept for each model by itself.

diffusers asks the processor of every attention module for the name of a kernel. Its own
``model.set_attention_backend`` writes that name, and makes the kernel the default of all other
models as well; here only the one model is written to, and `set_back` leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

from .closest import hint
from .intercept import original_class, unwrapped

NATIVE = "native"
"""The name of torch's ``scaled_dot_product_attention``."""

_ABSENT = object()
_before: WeakKeyDictionary[nn.Module, list[tuple[Any, Any]]] = WeakKeyDictionary()


def _dispatch() -> Any:
    from diffusers.models import attention_dispatch  # noqa: PLC0415 - nothing else needs diffusers

    return attention_dispatch


def the_one_backend(argument: str | None, configured: str | None) -> str | None:
    """The backend that is asked for in either place.

    Raises:
        ValueError: the two places differ.
    """
    if argument is not None and configured is not None and argument != configured:
        raise ValueError(
            f"enable_cache: attention_backend={argument!r}, but the parallelism_config says "
            f"{configured!r}. Give one of them."
        )
    return configured if argument is None else argument


def check_backend(models: Sequence[nn.Module], name: str, who: str) -> None:
    """Make sure that `choose_backend` will work.

    Raises:
        ValueError: no such kernel, or it is not installed, naming those that can be used here; or
            a model's attention does not ask for a kernel.
    """
    known = {each.value for each in _dispatch().AttentionBackendName}
    if name not in known:
        raise ValueError(
            f"{who}: there is no attention backend {name!r}.{hint(name, known)} "
            f"These can be used here: {', '.join(usable_backends())}."
        )
    try:
        with _dispatch().attention_backend(name):  # checks, and loads what is on the hub
            pass
    except (RuntimeError, ImportError, ValueError) as error:
        raise ValueError(
            f"{who}: the attention backend {name!r} cannot be used here. {error} "
            f"These can be: {', '.join(usable_backends())}."
        ) from error
    if not models:
        raise ValueError(
            f"{who}: there is no transformer whose attention could use {name!r}. Give a pipeline "
            "with one, a BlockAdapter or the transformer itself."
        )
    for model in models if name != NATIVE else ():
        if not _processors(model.modules()):
            raise ValueError(
                f"{who}: {original_class(model).__name__} calls torch's attention itself and asks "
                f"for no backend, so {name!r} would not be used. Leave it out for this model."
            )


def usable_backends() -> list[str]:
    """Names of the kernels that are installed; not every device and data type suits each."""
    found = []
    for each in _dispatch().AttentionBackendName:
        try:
            _dispatch()._check_attention_backend_requirements(each)
        except RuntimeError:
            continue
        found.append(each.value)
    return sorted(found, key=lambda name: (name.startswith("_"), name != NATIVE, name))


def choose_backend(model: nn.Module, name: str) -> None:
    """The model's attention uses this kernel until `set_back`."""
    backend = _dispatch().AttentionBackendName(name)
    processors = _processors(model.modules())
    written = _before.setdefault(unwrapped(model), [])
    known = {id(processor) for processor, _ in written}
    written += [(each, _own(each)) for each in processors if id(each) not in known]
    for processor in processors:
        _write(processor, backend)


def set_back(model: nn.Module) -> None:
    """The model's attention uses the kernel that it used before `choose_backend`."""
    for processor, before in _before.pop(unwrapped(model), ()):
        _write(processor, before)


@contextmanager
def natively(modules: Sequence[nn.Module]) -> Iterator[str | None]:
    """Within it, these modules call torch's attention, where it can be intercepted.

    Gives the name of the kernel that they would use, None where that is torch's own.
    """
    processors = [each for each in _processors(modules) if _backend_of(each) != NATIVE]
    before = [_own(each) for each in processors]
    name = _backend_of(processors[0]) if processors else None
    for each in processors:
        _write(each, _dispatch().AttentionBackendName.NATIVE)
    try:
        yield name
    finally:
        for each, value in zip(processors, before, strict=True):
            _write(each, value)


def asks(module: nn.Module) -> bool:
    """Whether a module itself asks for a kernel, by name, when it attends."""
    return bool(_processors([module]))


def _processors(modules: Any) -> list[Any]:
    """What these modules have that asks for a kernel."""
    found = (getattr(module, "processor", None) for module in modules)
    return [each for each in found if hasattr(each, "_attention_backend")]


def _backend_of(processor: Any) -> str:
    chosen = processor._attention_backend
    if chosen is None:
        chosen = _dispatch()._AttentionBackendRegistry.get_active_backend()[0]
    return str(getattr(chosen, "value", chosen))


def _own(processor: Any) -> Any:
    return vars(processor).get("_attention_backend", _ABSENT)


def _write(processor: Any, value: Any) -> None:
    if value is _ABSENT:
        del processor._attention_backend
    else:
        processor._attention_backend = value
