"""Sums over the tokens of all ranks: the state of linear attention."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..comm import Channel


class Summed(TorchFunctionMode):
    """Within it, the first call of each of some functions adds up the tokens of all ranks.

    A state is as large as the square of a head's width, whatever the number of tokens is, and so
    this sends far less than an exchange of heads.

    Raises:
        ValueError: the call adds up something else than the tokens here, or there is no such call.
    """

    def __init__(
        self, name: str, functions: tuple[str, ...], tokens: int, channel: Channel
    ) -> None:
        super().__init__()
        self.name, self.tokens, self.channel = name, tokens, channel
        self.left = {attrgetter(function)(torch): function for function in functions}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if func not in self.left:
            return output
        function = self.left.pop(func)
        if args[0].shape[-1] != self.tokens:
            raise ValueError(
                f"{self.name}: its first {function} adds up {args[0].shape[-1]} numbers, not the "
                f"{self.tokens} tokens on this rank. Correct the context-parallel plan."
            )
        return self.channel.all_reduce(output.contiguous())

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        super().__exit__(kind, error, trace)
        if kind is None and self.left:
            missing = ", ".join(self.left.values())
            raise ValueError(
                f"{self.name}: it did not call {missing}, which was to add up the tokens of all "
                "ranks. Correct the context-parallel plan."
            )
