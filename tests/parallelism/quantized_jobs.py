"""What the tests of quantized layers run on every rank at once."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.verify import zoo
from cache_dit.verify.outputs import difference
from cache_dit.verify.traces import differences, traces

NAME = "FluxTransformer2DModel"


class EightBits(nn.Linear):
    """Weights in 8 bits, with a scale for each row."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer.in_features, layer.out_features, layer.bias is not None, "meta")
        scale = layer.weight.abs().amax(1, keepdim=True) / 127
        whole = (layer.weight / scale).round().to(torch.int8)
        self.weight = nn.Parameter(whole, requires_grad=False)
        self.scale = nn.Parameter(scale, requires_grad=False)
        self.bias = layer.bias

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return F.linear(value, self.weight * self.scale, self.bias)


class InBuffers(nn.Module):
    """The same, in buffers."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        eight_bits = EightBits(layer)
        self.register_buffer("whole", eight_bits.weight.data)
        self.register_buffer("scale", eight_bits.scale.data)
        self.bias = layer.bias

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return F.linear(value, self.whole * self.scale, self.bias)


class Float8(EightBits):
    """The weight alone tells nothing: it is a plain tensor of floating-point numbers."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__(layer)
        whole = (layer.weight / self.scale).to(torch.float8_e4m3fn)
        self.weight = nn.Parameter(whole, requires_grad=False)

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return F.linear(value, self.weight.to(value.dtype) * self.scale, self.bias)


KINDS: dict[str, Any] = {each.__name__: each for each in (EightBits, InBuffers, Float8)}


def quantize(model: nn.Module, kind: str) -> nn.Module:
    """All linear layers of the blocks, replaced."""
    for name, layer in list(model.named_modules()):
        if "transformer_blocks" in name and type(layer) is nn.Linear:
            owner, _, last = name.rpartition(".")
            setattr(model.get_submodule(owner), last, KINDS[kind](layer))
    return model


def quantized_first(kind: str) -> tuple[str, set[str]]:
    """(what is said when a quantized model is to be spread, what is touched)."""
    model = quantize(zoo.get(NAME).build(), kind)
    before = traces(model)
    try:
        parallelize([model], ParallelismConfig(tp_size=2))
        said = "spread"
    except ValueError as error:
        said = str(error)
    return said, differences(before, traces(model))


def quantized_afterwards(kind: str) -> tuple[float, float, int, str, float]:
    """What becomes of a model that is quantized when it is spread.

    Returns:
        Its error against the whole model that is quantized alike, the error of that by quantizing,
        exchanges in a call, what is said when it is to be restored, and how far its output has
        moved then.
    """
    entry = zoo.get(NAME)
    model, inputs = entry.build(torch.float64), entry.inputs(torch.float64)
    with torch.no_grad():
        exact = zoo.tensors(model(**inputs))
        whole = zoo.tensors(quantize(entry.build(torch.float64), kind)(**inputs))
        parallelize([model], ParallelismConfig(tp_size=2))
        (parallel,) = parallelism_of(model)
        assert isinstance(parallel, TensorParallel)
        quantize(model, kind)
        begun = parallel.channel.calls
        output = zoo.tensors(model(**inputs))
        calls = parallel.channel.calls - begun
        try:
            restore(model)
            said = "restored"
        except ValueError as error:
            said = str(error)
        again = zoo.tensors(model(**inputs))
    error, rounding = difference(output, whole), difference(whole, exact)
    return error, rounding, calls, said, difference(again, output)
