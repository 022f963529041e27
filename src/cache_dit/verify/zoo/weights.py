"""Random weights that make every part of a model matter.

A new DiT has zero gates and zero output layers: whole blocks would do nothing, and a test on them
would prove nothing. All parameters are drawn again, so that a signal of order 1 stays of order 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import nn

from cache_dit.verify.zoo.spec import generator

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def randomise(model: nn.Module, seed: int = 0, jitter: float = 0.1) -> None:
    """Draw every parameter of ``model`` again, in place, from the seed and the parameter's name.

    Matrices: normal with standard deviation ``1 / sqrt(fan_in)``. Vectors: what the new model has
    there, if that is one value (1 for norm weights, 0 for most biases), or else 0, plus ``jitter``
    times a normal. A bias of one number may be random in the new model, and so counts as 0.
    """
    with torch.no_grad():
        for prefix, module in model.named_modules():
            for name, parameter in module.named_parameters(recurse=False):
                source = generator(seed, f"{prefix}.{name}")
                noise = torch.randn(parameter.shape, generator=source, dtype=torch.float32)
                if parameter.ndim > 1:
                    noise /= math.sqrt(max(1, _fan_in(module, parameter)))
                else:
                    random = name == "bias" and parameter.numel() == 1
                    noise = (0.0 if random else _constant(parameter)) + jitter * noise
                parameter.copy_(noise)


def _constant(vector: nn.Parameter) -> float:
    """The value that all entries have, or 0 if they differ."""
    first = float(vector.flatten()[0])
    return first if math.isfinite(first) and bool((vector == first).all()) else 0.0


def _fan_in(module: nn.Module, parameter: nn.Parameter) -> int:
    if isinstance(module, CONVOLUTIONS):
        return math.prod(parameter.shape[1:])
    return parameter.shape[-1]


def cast(
    model: nn.Module, dtype: torch.dtype, keep: Sequence[str] = (), inputs: Sequence[str] = ()
) -> nn.Module:
    """Convert real parameters and buffers to ``dtype``, but for submodules named in ``keep``.

    Submodules named in ``inputs`` have their inputs converted as well, by a hook, where a model
    computes those in float32 and converts them to 16-bit types only. Unlike with ``Module.to``,
    complex tables (rotary factors) keep their imaginary part.
    """
    kept = {module for name in keep for module in model.get_submodule(name).modules()}
    for module in set(model.modules()) - kept:
        for name, buffer in module._buffers.items():
            if buffer is not None and buffer.is_floating_point():
                module._buffers[name] = buffer.to(dtype)
        for parameter in module.parameters(recurse=False):
            if parameter.is_floating_point():
                parameter.data = parameter.data.to(dtype)
    for name in inputs:
        model.get_submodule(name).register_forward_pre_hook(
            lambda module, args: tuple(arg.to(dtype) for arg in args)
        )
    return model
