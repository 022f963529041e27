"""Where the blocks of one class take their streams, and how they return them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ..intercept import parameter_names
from .forward_pattern import ENCODER, HIDDEN, ForwardPattern

Streams = tuple[torch.Tensor | None, torch.Tensor | None]
"""The denoised stream and the one beside it; None for a stream that the block does not hand on."""


class BlockStreams:
    """Reads the streams of a block call from its arguments, and makes or takes apart its output.

    Args:
        block: any block of the class.
        pattern: which streams go in and come out.
        parameters: names of the parameters that take the streams, where they are not called
            ``hidden_states`` and ``encoder_hidden_states`` and are not the first ones.
        where: how messages call the block list.

    Raises:
        ValueError: ``forward`` has no parameter for a stream of the pattern.
    """

    def __init__(
        self,
        block: nn.Module,
        pattern: ForwardPattern,
        parameters: Mapping[str, str] | None = None,
        where: str = "",
    ) -> None:
        self.pattern = pattern
        self.where = where or type(block).__name__
        self.wraps_single_output = False
        self._kind: type | None = None  # what a block returned
        self._hidden_only = pattern.Return_H_Only  # kept: an enum's properties are slow to read
        self._hidden_first = pattern.Return_H_First
        names = parameter_names(block)
        returns_encoder = ENCODER in pattern.Out
        self.adds_encoder = returns_encoder and ENCODER not in pattern.In
        self._hidden = self._find(names, HIDDEN, 0, parameters or {})
        self._encoder = None
        if returns_encoder and not self.adds_encoder:
            self._encoder = self._find(names, ENCODER, 1, parameters or {})

    @property
    def parameters(self) -> dict[str, str]:
        """Stream -> the parameter that takes it."""
        found = {HIDDEN: self._hidden} | ({ENCODER: self._encoder} if self._encoder else {})
        return {stream: name for stream, (_, name) in found.items()}

    def read(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Streams:
        """The streams that go into this call."""
        position, name = self._hidden
        hidden = args[position] if position < len(args) else kwargs[name]
        if self._encoder is None:
            return hidden, None
        position, name = self._encoder
        return hidden, args[position] if position < len(args) else kwargs.get(name)

    def unpack(self, output: Any) -> Streams:
        """The streams that came out; raises `ValueError` where the pattern does not fit."""
        expected = len(self.pattern.value[1])
        if type(output) is not self._kind:
            self._note(type(output))
        if isinstance(output, (tuple, list)):
            if len(output) != expected:
                raise self._misfit(f"{len(output)} outputs", expected)
            if expected == 1:
                return output[0], None
            return (output[0], output[1]) if self._hidden_first else (output[1], output[0])
        if expected != 1:
            raise self._misfit("one tensor", expected)
        return output, None

    def pack(self, streams: Streams) -> Any:
        """What the block would have returned for these streams."""
        hidden, encoder = streams
        if self._hidden_only:
            return (hidden,) if self.wraps_single_output else hidden
        return (hidden, encoder) if self._hidden_first else (encoder, hidden)

    def pass_on(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``pack(read(args, kwargs))`` in one go: most of what a reused step calls is this."""
        position, name = self._hidden
        hidden = args[position] if position < len(args) else kwargs[name]
        if self._encoder is None:
            return (hidden,) if self.wraps_single_output else hidden
        position, name = self._encoder
        encoder = args[position] if position < len(args) else kwargs.get(name)
        return (hidden, encoder) if self._hidden_first else (encoder, hidden)

    def _note(self, kind: type) -> None:
        """What stands in for a block is to be of the kind that the block returned."""
        self._kind = kind
        several = issubclass(kind, (tuple, list))
        self.wraps_single_output = several and self._hidden_only
        cls = _StreamsOfKind if several and kind is not tuple else BlockStreams
        if type(self) is not cls:  # to set it, even anew, makes every look at an attribute slower
            self.__class__ = cls

    def _find(
        self, names: list[str], stream: str, fallback: int, chosen: Mapping[str, str]
    ) -> tuple[int, str]:
        name = chosen.get(stream, stream)
        if name in names:
            return names.index(name), name
        if stream in chosen or fallback >= len(names):
            raise ValueError(
                f"{self.where}: forward({', '.join(names)}) has no parameter {name!r} for the "
                f"stream {stream} of {self.pattern.name}. Choose another forward_pattern, or name "
                "the parameter in stream_parameters."
            )
        return fallback, names[fallback]

    def _misfit(self, returned: str, expected: int) -> ValueError:
        fitting = [p.name for p in ForwardPattern if len(p.value[1]) != expected]
        return ValueError(
            f"{self.where}: the block returned {returned}; {self.pattern.name} expects {expected} "
            f"({', '.join(self.pattern.Out)}). Use one of {', '.join(fitting)}."
        )


class _StreamsOfKind(BlockStreams):
    """Of blocks that return a list or a named tuple; a class, so that the others need not ask."""

    def pack(self, streams: Streams) -> Any:
        """What the block would have returned for these streams."""
        return self._made(super().pack(streams))

    def pass_on(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """``pack(read(args, kwargs))`` in one go."""
        return self._made(super().pass_on(args, kwargs))

    def _made(self, streams: tuple[Any, ...]) -> Any:
        kind: Any = self._kind
        return getattr(kind, "_make", kind)(streams)  # a named tuple is made by another name
