"""What a context-parallel plan may say about a module, its arguments and its outputs."""

from __future__ import annotations

from dataclasses import dataclass

Streams = tuple[str, ...]


@dataclass(frozen=True)
class Split:
    """Keep this rank's part of a tensor (of each tensor in a tuple, list or dict).

    Attributes:
        dim: along which dimension.
        of: streams whose tokens these are, in order; a tensor that has one entry for all of them is
            left alone. Empty: the tensor is a stream itself, named after its argument.
        expected_dims: leave tensors alone that have another number of dimensions.
        name: what the stream is called, where its argument's name will not do.
        tail: the tensor has entries for the last tokens only.
        along: a stream of which every entry stands for several tokens of this one, that have to
            stay together: rows of a picture, frames of a video.
        first: so many of the first tokens are shared out on their own: an argument that is a whole
            number, or a stream that is as long. The others are the stream ``"name, others"``.
    """

    dim: int
    of: Streams = ()
    expected_dims: int | None = None
    name: str = ""
    tail: bool = False
    along: str = ""
    first: str = ""


@dataclass(frozen=True)
class Measure:
    """Leave a tensor alone, but call what it has along a dimension a stream.

    Attributes:
        dim: along which dimension.
        name: of the stream.
        every: so many entries make one.
    """

    dim: int
    name: str
    every: int = 1


@dataclass(frozen=True)
class Count:
    """A whole number of tokens at the beginning of streams: becomes how many of them are here.

    Attributes:
        of: the streams, in order.
        everywhere: if there are any, every rank has to have some, or ranks would go other ways.
    """

    of: Streams
    everywhere: bool = False


@dataclass(frozen=True)
class Gather:
    """Put the parts of all ranks together again; a whole number becomes the number of all tokens.

    Attributes:
        dim: along which dimension.
        of: streams whose tokens these are, in order.
    """

    dim: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class ToHeads:
    """All heads of the tokens here become all tokens of the heads here.

    Attributes:
        dim: of the tokens.
        width: dimension of the heads, each with as many entries as there are for one.
        of: streams whose tokens these are, in order.
    """

    dim: int
    width: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class ToTokens:
    """The way back from `ToHeads`."""

    dim: int
    width: int
    of: Streams = ("hidden_states",)


@dataclass(frozen=True)
class OwnHeads:
    """Keep the heads here, of what has all of them along ``dim`` on every rank."""

    dim: int


@dataclass(frozen=True)
class Borrow:
    """Put the neighbours of what is here at its ends; a whole number grows by as many.

    Attributes:
        dim: along which dimension.
        reach: how many neighbours on either side; of a stream that was split along another one,
            how many of the other one's entries.
        of: the stream.
    """

    dim: int
    reach: int
    of: Streams


@dataclass(frozen=True)
class Return:
    """The way back from `Borrow`: leave out what belongs to the neighbours."""

    dim: int
    reach: int
    of: Streams


Step = Split | Measure | Count | Gather | ToHeads | ToTokens | OwnHeads | Borrow | Return


@dataclass(frozen=True)
class Attention:
    """A module whose attention goes over the tokens of all ranks.

    Attributes:
        query: streams that the queries are made of, in order; empty: all ranks have all of them.
        keys: likewise for keys and values; empty: the lengths are asked for at every call, because
            they depend on the data (padding that is left out).
        optional: the module may leave its attention out in some calls.
        cached: an argument of the module; where it is given, keys of earlier calls may be there as
            well, and the lengths are asked for.
        beside: an argument of the module, which all ranks have in whole; where it is given, every
            attention but the first is to that.
    """

    query: Streams
    keys: Streams
    optional: bool = False
    cached: str = ""
    beside: str = ""


@dataclass(frozen=True)
class Heads:
    """A module within which a rank has some of the heads only, as `ToHeads` leaves them.

    Attributes:
        attribute: of the module, that says how many heads there are: during a call, those here.
        each: in place of that, where the module goes by the width of a head: that width, or the
            name of a tensor in the module that is as wide.
    """

    attribute: str = ""
    each: int | str = 1


@dataclass(frozen=True)
class Sums:
    """A module with a state that is a sum over tokens: it becomes the sum over those of all ranks.

    Attributes:
        functions: of torch, such as ``"matmul"`` and ``"Tensor.sum"``; the first call of each adds
            up tokens, along the last dimension of what it is called with.
        of: streams of the tokens, in order.
    """

    functions: tuple[str, ...]
    of: Streams
