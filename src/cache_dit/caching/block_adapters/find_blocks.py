"""Find the block lists of a transformer that nobody registered, and what their blocks return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from ..forward_pattern import ENCODER, HIDDEN, ForwardPattern
from .block_loops import BlockLoop, block_loops

if TYPE_CHECKING:
    from .block_adapter import BlockAdapter

_SIDE_STREAMS = (
    *("encoder", "text", "txt", "word", "prompt", "context", "caption", "und"),
    *("audio", "aud", "cond"),
)
"""Parts of the names of streams that are not the denoised one."""


@dataclass(frozen=True)
class FoundList:
    """A block list, its pattern, and the parameters of its streams."""

    name: str
    pattern: ForwardPattern
    parameters: dict[str, str]


def find_blocks(transformer: nn.Module, adapter: BlockAdapter) -> list[FoundList]:
    """The block lists that the denoised stream runs through, in order.

    Candidates are lists of at least two blocks that the source of the transformer goes over in a
    loop, handing a stream from block to block. Among those whose name begins as a main list's does
    (``allow_prefixes``), the one with the most blocks (``blocks_policy``) is taken, with its
    relatives: ``transformer_blocks`` together with ``single_transformer_blocks``, for example.

    Raises:
        ValueError: nothing fits; the message lists what was found.
    """
    owner = type(transformer).__name__
    lists = {
        name: module
        for name, module in transformer.named_modules()
        if isinstance(module, nn.ModuleList) and len(module) > 1 and _alike(module)
    }
    loops = [loop for loop in block_loops(transformer) if loop.name in lists and loop.streams]
    allowed = [loop for loop in loops if _allowed(loop.name, lists[loop.name], adapter)]
    if not allowed:
        raise ValueError(_nothing_found(owner, lists, loops))
    pick = min if adapter.blocks_policy == "min" else max
    main = pick(allowed, key=lambda loop: len(lists[loop.name]))
    chosen: dict[str, FoundList] = {}
    for loop in allowed:
        if _kind(loop.name) == _kind(main.name):
            chosen.setdefault(loop.name, _described(loop, _denoised(loop)))
    return list(chosen.values())


def _alike(blocks: nn.ModuleList) -> bool:
    """Whether these are blocks: modules with children, of one class or of few."""
    classes = {type(block) for block in blocks}
    return len(classes) <= 2 and all(any(True for _ in block.children()) for block in blocks)


def _allowed(name: str, blocks: nn.ModuleList, adapter: BlockAdapter) -> bool:
    leaf = next((part for part in name.split(".") if not part.isdigit()), name)
    prefixed = leaf.startswith(tuple(adapter.allow_prefixes))
    suffixed = type(blocks[0]).__name__.endswith(tuple(adapter.allow_suffixes))
    return (prefixed or not adapter.check_prefixes) and (suffixed or not adapter.check_suffixes)


def _kind(name: str) -> str:
    return name.split(".")[0].split("_")[-1]


def _denoised(loop: BlockLoop) -> str:
    """The variable that carries the denoised stream."""
    streams = loop.streams
    for variable in streams:
        if loop.parameter(variable) == HIDDEN:
            return variable
    plain = [v for v in streams if not any(part in v.lower() for part in _SIDE_STREAMS)]
    return (plain or streams)[0]


def _described(loop: BlockLoop, stream: str) -> FoundList:
    parameters = {HIDDEN: loop.parameter(stream)}
    others = [variable for variable in loop.outputs if variable != stream]
    if not others:
        return FoundList(loop.name, ForwardPattern.Pattern_3, parameters)
    first = loop.outputs[0] == stream
    if others[0] not in loop.streams:
        pattern = ForwardPattern.Pattern_4 if first else ForwardPattern.Pattern_5
        return FoundList(loop.name, pattern, parameters)
    parameters[ENCODER] = loop.parameter(others[0])
    pattern = ForwardPattern.Pattern_0 if first else ForwardPattern.Pattern_1
    return FoundList(loop.name, pattern, parameters)


def _nothing_found(owner: str, lists: dict[str, nn.ModuleList], loops: list[BlockLoop]) -> str:
    seen = ", ".join(
        f"{name} ({len(each)} x {type(each[0]).__name__})" for name, each in lists.items()
    )
    read = ", ".join(f"{loop.name} -> ({', '.join(loop.outputs)})" for loop in loops)
    return (
        f"{owner}: no block list could be found automatically. Lists of blocks: {seen or 'none'}. "
        f"Loops over them in its source: {read or 'none'}. Give a BlockAdapter with blocks=... and "
        "forward_pattern=..., or register one with @BlockAdapterRegister.register."
    )
