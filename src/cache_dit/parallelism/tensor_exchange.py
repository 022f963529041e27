"""What layers whose width is shared out exchange, eagerly and within a compiled graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import nn

from ..comm import Channel
from ..intercept import parameter_names
from .containers import contents, with_contents
from .tensor_plan import Style

_channels: WeakValueDictionary[int, Channel] = WeakValueDictionary()


def sum_over(channel: Channel, value: torch.Tensor) -> torch.Tensor:
    """The sum of ``value`` over the ranks; ``value`` is used up."""
    if torch.compiler.is_compiling():
        return torch.ops.cache_dit.sum_over_ranks(value, channel.number)
    return channel.all_reduce(value.contiguous())


def put_together(channel: Channel, value: torch.Tensor, dim: int) -> torch.Tensor:
    """The values of all ranks, side by side along ``dim``."""
    if torch.compiler.is_compiling():
        return torch.ops.cache_dit.gather_ranks(value, dim, channel.number)
    return torch.cat(channel.all_gather(value, [value.shape[dim]] * channel.size, dim), dim)


@cache  # not when the package is imported: it takes long
def _define_operations() -> None:
    @torch.library.custom_op("cache_dit::sum_over_ranks", mutates_args=())
    def total(value: torch.Tensor, number: int) -> torch.Tensor:
        own = value.clone(memory_format=torch.contiguous_format)
        return _channels[number].all_reduce(own)

    @torch.library.custom_op("cache_dit::gather_ranks", mutates_args=())
    def gather(value: torch.Tensor, dim: int, number: int) -> torch.Tensor:
        return put_together(_channels[number], value, dim)

    @total.register_fake
    def _(value: torch.Tensor, number: int) -> torch.Tensor:
        return torch.empty_like(value, memory_format=torch.contiguous_format)

    @gather.register_fake
    def _(value: torch.Tensor, dim: int, number: int) -> torch.Tensor:
        return torch.cat([value] * _channels[number].size, dim)


def register(channel: Channel) -> None:
    """Make a channel known to compiled code, for as long as it lives."""
    _define_operations()
    _channels[channel.number] = channel


Hook = Callable[..., Any]
Hooks = tuple[Hook | None, Hook | None]
"""What runs before and after the calls of a layer, as forward hooks."""


def hooks_of(channel: Channel, layer: nn.Module, style: Style) -> Hooks:
    """What a layer of this style exchanges."""
    dim = _channel_dim(layer)

    def total(module: nn.Module, args: Any, output: Any) -> Any:
        return _first(output, lambda value: sum_over(channel, value))

    def whole(module: nn.Module, args: Any, output: Any) -> Any:
        return _first(output, lambda value: put_together(channel, value, dim))

    if isinstance(layer, nn.Embedding) and style.cut == "in":
        return _word_hooks(channel)
    if style.gives == "norm":
        return None, _norm_hook(channel, layer)
    after = {"sum": total, "whole": whole, "": None}[style.gives]
    if style.takes == "part":
        return _part_hook(channel, {parameter_names(layer)[0]: dim}, layer), after
    return _part_hook(channel, dict(style.arguments), layer), after


def _part_hook(channel: Channel, dims: dict[str, int], layer: nn.Module) -> Hook | None:
    """Hands on this rank's part of the arguments that have a dimension in ``dims``."""
    places = {at: name for at, name in enumerate(parameter_names(layer)) if name in dims}

    def part(value: Any, dim: int) -> Any:
        if isinstance(value, torch.Tensor):
            width = value.shape[dim] // channel.size
            return value.narrow(dim, channel.rank * width, width)
        inner = contents(value)
        return value if inner is None else with_contents(value, [part(each, dim) for each in inner])

    def take(module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
        given = list(args)
        for at, name in places.items():
            if at < len(given):
                given[at] = part(given[at], dims[name])
        named = {name: part(kwargs[name], dim) for name, dim in dims.items() if name in kwargs}
        return tuple(given), {**kwargs, **named}

    return take if dims else None


def _word_hooks(channel: Channel) -> Hooks:
    """For an embedding of which every rank has some words."""
    absent: list[torch.Tensor] = []  # from before a call to after it

    def look_up(module: nn.Embedding, args: Any, kwargs: Any) -> Any:
        words, *others = args
        count = module.num_embeddings
        own = words - channel.rank * count
        absent.append((own < 0) | (own >= count))
        return (own.masked_fill(absent[-1], 0), *others), kwargs

    def total(module: nn.Module, args: Any, output: torch.Tensor) -> torch.Tensor:
        return sum_over(channel, output.masked_fill(absent.pop()[..., None], 0))

    return look_up, total


def _first(output: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> Any:
    inner = contents(output)
    return (
        change(output) if inner is None else with_contents(output, [change(inner[0]), *inner[1:]])
    )


def _channel_dim(layer: nn.Module) -> int:
    """Where a layer's width is in what it takes and gives, counted from the end."""
    convolutions = {nn.Conv1d: -2, nn.Conv2d: -3, nn.Conv3d: -4}
    return next((dim for kind, dim in convolutions.items() if isinstance(layer, kind)), -1)


def _norm_hook(channel: Channel, layer: nn.Module) -> Hook:
    """Corrects a norm that has seen only this rank's part of the width.

    The layer's own code stays in charge of dtypes, weights and biases; what is exchanged is one
    number for each token (two, where a mean is subtracted).
    """
    eps = getattr(layer, "eps", getattr(layer, "variance_epsilon", None))
    centred = isinstance(layer, nn.LayerNorm)

    def correct(module: nn.Module, args: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        kind = torch.promote_types(args[0].dtype, torch.float32)
        value = args[0].to(kind)
        small = torch.finfo(args[0].dtype).eps if eps is None else eps
        if not centred:
            here = value.square().mean(-1, keepdim=True)
            everywhere = sum_over(channel, here / channel.size)
            factor = ((here + small) / (everywhere + small)).sqrt()
            return (output.to(kind) * factor).to(output.dtype)
        mean, power = value.mean(-1, keepdim=True), value.square().mean(-1, keepdim=True)
        moments = sum_over(channel, torch.cat([mean, power], -1) / channel.size)
        all_mean, all_power = moments.split(1, -1)
        spread = (all_power - all_mean.square() + small).rsqrt()
        normal = (value - all_mean) * spread
        weight, bias = module.weight, module.bias
        normal = normal if weight is None else normal * weight
        return (normal if bias is None else normal + bias).to(output.dtype)

    return correct
