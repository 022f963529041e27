"""Run code around the method calls of one object, leaving no trace when it is released.

The object is given a subclass of its own class (the way FSDP2 and ``parametrize`` do it), so that
nothing is written to the object itself: ``state_dict``, ``isinstance`` and ``vars`` stay as they
were, and hooks, offloading and regional compilation keep working below the interception.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from functools import cache, partial, reduce
from types import MethodType
from typing import Any

Call = Callable[..., Any]
Around = Callable[[Call, tuple[Any, ...], dict[str, Any]], Any]
"""``around(call, args, kwargs)`` runs in place of ``call(*args, **kwargs)``.

The arguments come as they are: to spread them would copy them twice at every call.
"""

_runners: dict[str, dict[int, Around]] = {}  # method -> id(object) -> what runs
_layers: dict[int, list[Interception]] = {}  # id(object) -> interceptions, innermost first
_subclasses: dict[tuple[type, tuple[str, ...]], type] = {}
_originals: dict[type, type] = {}  # our subclass -> the class it stands for


class Interception:
    """One layer of code around some methods of one object; `release` takes it off again."""

    def __init__(self, obj: Any, arounds: dict[str, Around], level: int) -> None:
        self._object = weakref.ref(obj)
        self.arounds = arounds
        self.level = level

    def release(self) -> None:
        """Undo this layer. Releasing twice, or after the object is gone, does nothing.

        Raises:
            RuntimeError: another library has replaced the object's class in the meantime.
        """
        self.check()
        obj = self._object()
        if obj is not None and self in _layers.get(id(obj), ()):
            _layers[id(obj)].remove(self)
            _rebuild(obj)

    def check(self) -> None:
        """Raise `RuntimeError` where `release` would."""
        obj = self._object()
        if obj is None or self not in _layers.get(id(obj), ()):
            return
        if type(obj) not in _originals:
            raise RuntimeError(
                f"{type(obj).__name__}: its class was replaced by "
                f"{type(obj).__module__}.{type(obj).__qualname__} after cache-dit was enabled. "
                "Undo that first, then disable cache-dit."
            )


def intercept(obj: Any, *, level: int = 0, **arounds: Around) -> Interception:
    """Run ``arounds[method](call, args, kwargs)`` whenever ``obj.method`` is called.

    Several layers may lie around one object: a higher ``level`` is further out, and among equals
    the newer one is.
    """
    layer = Interception(obj, arounds, level)
    if id(obj) not in _layers:
        _layers[id(obj)] = []
        weakref.finalize(obj, _forget, id(obj))
    layers = _layers[id(obj)]
    layers.append(layer)
    layers.sort(key=lambda each: each.level)
    try:
        _rebuild(obj)
    except BaseException:
        layers.remove(layer)
        _rebuild(obj)
        raise
    return layer


def original_class(obj: Any) -> type:
    """The class of ``obj`` as it was before any interception."""
    return _originals.get(type(obj), type(obj))


def unwrapped(model: Any) -> Any:
    """The model within the wrapper that ``torch.compile`` makes; anything else as it is."""
    return getattr(model, "_orig_mod", model)


def parameter_names(module: Any, method: str = "forward") -> list[str]:
    """Names of a method's parameters as its class declares them, whatever hooks were put on."""
    return [each.name for each in _parameters(module, method)]


def positional_names(module: Any, method: str = "forward") -> list[str]:
    """Likewise, of those only that an argument without a name goes to."""
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [each.name for each in _parameters(module, method) if each.kind in kinds]


def _parameters(module: Any, method: str) -> list[inspect.Parameter]:
    function = getattr(original_class(module), method)
    return list(inspect.signature(function).parameters.values())[1:]


def uncompiled(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ``torch.compile`` out of the frame of ``fn`` (not out of what it calls).

    ``torch.compiler.disable(fn, recursive=False)`` says the same through a wrapper around ``fn``;
    this marks the code object, and so costs nothing at each of the many calls of a reused step.
    """
    from torch._dynamo.decorators import skip  # noqa: PLC0415 - loads dynamo, not needed on import

    _leave_bookkeeping_uncompiled()
    skip(getattr(fn, "__func__", fn))
    return fn


@cache
def _leave_bookkeeping_uncompiled() -> None:
    """What such frames call in the cache is not worth compiling: it differs from step to step."""
    from torch._dynamo import trace_rules  # noqa: PLC0415 - loads dynamo, not needed on import

    trace_rules.add("cache_dit.caching")


def _forget(key: int) -> None:
    _layers.pop(key, None)
    for runners in _runners.values():
        runners.pop(key, None)


def _rebuild(obj: Any) -> None:
    layers = _layers[id(obj)]
    methods = tuple(sorted({name for layer in layers for name in layer.arounds}))
    for runners in _runners.values():
        runners.pop(id(obj), None)
    for name in methods:
        arounds = [layer.arounds[name] for layer in layers if name in layer.arounds]
        _runners.setdefault(name, {})[id(obj)] = reduce(_nest, arounds)
    cls = original_class(obj)
    obj.__class__ = _subclass(cls, methods) if methods else cls


def _nest(inner: Around, outer: Around) -> Around:
    def run(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return outer(partial(_gather, inner, call), args, kwargs)

    uncompiled(_gather)
    return uncompiled(run)


def _gather(inner: Around, call: Call, *args: Any, **kwargs: Any) -> Any:
    return inner(call, args, kwargs)


def _subclass(cls: type, methods: tuple[str, ...]) -> type:
    """One subclass for each class and set of methods, so that compiled code is shared."""
    if (cls, methods) not in _subclasses:
        body: dict[str, Any] = {name: _method(cls, name) for name in methods}
        body["__reduce_ex__"] = _plain_reduce(cls)
        body.update(__module__=cls.__module__, __qualname__=cls.__qualname__, __doc__=cls.__doc__)
        subclass = type(cls.__name__, (cls,), body)
        _subclasses[cls, methods] = subclass
        _originals[subclass] = cls
    return _subclasses[cls, methods]


def _method(cls: type, name: str) -> Callable[..., Any]:
    original = getattr(cls, name)
    runners = _runners.setdefault(name, {})

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            run = runners[id(self)]
        except KeyError:  # the object died half-way through its release, or is a shallow copy
            return original(self, *args, **kwargs)
        return run(MethodType(original, self), args, kwargs)

    method.__name__, method.__doc__ = name, original.__doc__
    return uncompiled(method)


def _plain_reduce(cls: type) -> Callable[[Any, Any], Any]:
    """Copies and pickles of an intercepted object are plain objects of its original class."""
    reduce_plainly: Any = cls.__reduce_ex__

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        # From protocol 2 on, pickle insists on the very class that the object has.
        make, arguments, *state = reduce_plainly(self, min(protocol, 1))
        plain = tuple(
            _originals.get(each, each) if isinstance(each, type) else each for each in arguments
        )
        return (make, plain, *state)

    return __reduce_ex__
