"""One call of a model, watched: which modules ran, with what, and where they attended."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from cache_dit.intercept import parameter_names


@dataclass
class Call:
    """One call of one module.

    Attributes:
        name: of the module.
        number: its place among all events of the model's call.
        arguments: parameter -> value, as they were when it began.
        output: what it returned.
    """

    name: str
    number: int
    arguments: dict[str, Any]
    output: Any = None


@dataclass
class Attended:
    """One ``scaled_dot_product_attention``.

    Attributes:
        name: of the innermost module that was running.
        number: its place among all events.
        query: [batch, heads, tokens, width]; ``key`` likewise.
        mask: shape of the mask, None where there is none.
        output: of the form of the query.
    """

    name: str
    number: int
    query: torch.Tensor
    key: torch.Tensor
    mask: tuple[int, ...] | None
    output: torch.Tensor


@dataclass
class Watched:
    """All that was seen, in order.

    Attributes:
        calls: of modules.
        attended: attentions.
        arguments: of the model itself.
    """

    calls: list[Call] = field(default_factory=list)
    attended: list[Attended] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict)

    def of(self, name: str) -> list[Call]:
        """The calls of one module."""
        return [call for call in self.calls if call.name == name]

    def within(self, name: str) -> list[Attended]:
        """Attentions in a module or in what it is made of."""
        return [each for each in self.attended if f"{each.name}.".startswith(f"{name}.")]


def watch(model: nn.Module, arguments: Mapping[str, Any]) -> Watched:
    """Call a model once and note what happens in it."""
    seen = Watched(arguments=dict(arguments))
    with torch.no_grad(), _watching(model, seen):
        model(**copy.deepcopy(dict(arguments)))
    return seen


def watch_block(model: nn.Module, name: str, arguments: Mapping[str, Any]) -> Watched:
    """Call one module of the model, and note what happens in it."""
    seen = Watched(arguments=dict(arguments))
    with torch.no_grad(), _watching(model, seen):
        model.get_submodule(name)(**copy.deepcopy(dict(arguments)))
    return seen


@contextmanager
def _watching(model: nn.Module, seen: Watched) -> Iterator[None]:
    stack: list[Call] = []
    counted = _Counter()
    handles = []
    for name, module in model.named_modules():
        if name:
            before = _before(name, module, stack, counted)
            handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
            handles.append(module.register_forward_hook(_after(stack, seen)))
    try:
        with _Attentions(stack, seen, counted):
            yield
    finally:
        for handle in handles:
            handle.remove()


class _Counter:
    def __init__(self) -> None:
        self.number = 0

    def next(self) -> int:
        self.number += 1
        return self.number


def _before(name: str, module: nn.Module, stack: list[Call], counted: _Counter) -> Any:
    names = parameter_names(module)

    def hook(module: nn.Module, args: Any, kwargs: Any) -> None:
        bound = dict(zip(names, args, strict=False)) | kwargs
        stack.append(Call(name, counted.next(), {k: _kept(v) for k, v in bound.items()}))

    return hook


def _after(stack: list[Call], seen: Watched) -> Any:
    def hook(module: nn.Module, args: Any, output: Any) -> None:
        call = stack.pop()
        call.output = _kept(output)
        seen.calls.append(call)

    return hook


def _kept(value: Any) -> Any:
    """A copy, since models write into tensors in place."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    if type(value) in (list, tuple):
        return type(value)(_kept(each) for each in value)
    if type(value) is dict:
        return {key: _kept(each) for key, each in value.items()}
    return value


class _Attentions(TorchFunctionMode):
    """Notes every ``F.scaled_dot_product_attention``."""

    def __init__(self, stack: list[Call], seen: Watched, counted: _Counter) -> None:
        super().__init__()
        self.stack, self.seen, self.counted = stack, seen, counted

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is F.scaled_dot_product_attention:
            given = dict(zip(("query", "key", "value", "attn_mask"), args, strict=False)) | kwargs
            mask = given.get("attn_mask")
            shape = None if mask is None else tuple(mask.shape)
            name = self.stack[-1].name if self.stack else ""
            number = self.counted.next()
            query, key = given["query"].clone(), given["key"].clone()
            output = func(*args, **kwargs)
            self.seen.attended.append(Attended(name, number, query, key, shape, output.clone()))
            return output
        return func(*args, **kwargs)
