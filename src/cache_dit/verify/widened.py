"""Double precision all the way, for models that round some of their numbers to single precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DOUBLE = {torch.float32: torch.float64, torch.complex64: torch.complex128}


@contextmanager
def widened() -> Iterator[None]:
    """Within it, whatever asks for single precision gets double precision.

    Rounding to single precision hides errors below 1e-7, and makes a sum depend on the order of its
    terms; without it, a comparison of two ways to compute the same is as sharp as it can be.
    """
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Widened():
            yield
    finally:
        torch.set_default_dtype(default)


class _Widened(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        args = tuple(_wide(each) for each in args)
        return func(*args, **{name: _wide(each) for name, each in (kwargs or {}).items()})


def _wide(value: Any) -> Any:
    return DOUBLE.get(value, value) if isinstance(value, torch.dtype) else value
