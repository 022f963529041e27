"""The one normal form of all the ways in which an adapter may be written."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from ..calibrator_config import ParamsModifier
from ..forward_pattern import ENCODER, HIDDEN, ForwardPattern


@dataclass(frozen=True)
class BlockList:
    """One list of blocks, with its pattern and settings of its own.

    It does not keep the blocks alive: what is cached must go when its owner lets it go.

    Attributes:
        name: its path in the transformer.
        references: the blocks, in order.
        pattern: what they take and return.
        modifier: settings of their own.
        parameters: names of the parameters that take the streams.
        places: index of each block; of a module dictionary, its key.
    """

    name: str
    references: tuple[weakref.ref[nn.Module], ...]
    pattern: ForwardPattern
    modifier: ParamsModifier | None = None
    parameters: Mapping[str, str] | None = None
    places: tuple[int, ...] = ()

    @property
    def blocks(self) -> list[nn.Module]:
        """The blocks, in order.

        Raises:
            ValueError: some of them are no more.
        """
        blocks = self.surviving
        if len(blocks) < len(self.references):
            raise ValueError(
                f"{self.name}: blocks were replaced after the cache was enabled. Call enable_cache "
                "again."
            )
        return blocks

    @property
    def surviving(self) -> list[nn.Module]:
        """The blocks that are still there."""
        blocks = [reference() for reference in self.references]
        return [block for block in blocks if block is not None]


@dataclass(frozen=True)
class TransformerBlocks:
    """A transformer and its block lists, in the order in which they run."""

    transformer: nn.Module
    lists: list[BlockList]


def by_transformer(name: str, value: Any, count: int, several: bool) -> list[Any]:
    """Split an adapter's field into one entry for each of ``count`` transformers.

    A single entry serves all of them, unless it is a block list.

    Raises:
        ValueError: a list whose length is not the number of transformers.
    """
    if not isinstance(value, (list, tuple)):
        return [value] * count
    if not several:
        nested = len(value) == 1 and isinstance(value[0], (list, tuple))
        return [list(value[0]) if nested else list(value)]
    if len(value) == 1 and name != "blocks":
        return list(value) * count
    if len(value) != count:
        raise ValueError(
            f"BlockAdapter: {name} has {len(value)} entries for {count} transformers. "
            "Give one entry (or list of entries) for each transformer."
        )
    return list(value)


def lists_of(
    transformer: nn.Module,
    blocks: Any,
    names: Any,
    patterns: Any,
    modifiers: Any,
    parameters: Any = None,
) -> list[BlockList]:
    """The block lists of one transformer from its entries in an adapter.

    Raises:
        ValueError: a block list that is missing or not made of modules; patterns or modifiers whose
            number does not fit the number of block lists; a missing pattern.
    """
    owner = type(transformer).__name__
    found = _modules(transformer, blocks, names)
    own_patterns = spread(f"{owner}: forward_pattern", patterns, len(found))
    own_modifiers = spread(f"{owner}: params_modifiers", modifiers, len(found))
    own_parameters = spread(f"{owner}: stream_parameters", parameters, len(found))
    rows = zip(found, own_patterns, own_modifiers, own_parameters, strict=True)
    lists = []
    for (name, by_place), pattern, modifier, streams in rows:
        if not isinstance(pattern, ForwardPattern):
            raise ValueError(
                f"{owner}.{name}: forward_pattern={pattern!r}; expected one of "
                f"{', '.join(p.name for p in ForwardPattern)}, or auto=True to find it."
            )
        if streams is not None and not isinstance(streams, Mapping):
            raise ValueError(
                f"{owner}.{name}: stream_parameters={streams!r}; expected a dict for each block "
                'list, such as {"hidden_states": "image", "encoder_hidden_states": "text"}.'
            )
        if unknown := set(streams or ()) - {HIDDEN, ENCODER}:
            raise ValueError(
                f"{owner}.{name}: stream_parameters names {', '.join(sorted(unknown))}; the "
                f"streams are {HIDDEN} and {ENCODER}."
            )
        references = tuple(weakref.ref(block) for block in by_place.values())
        lists.append(BlockList(name, references, pattern, modifier, streams, tuple(by_place)))
    return lists


def spread(name: str, value: Any, count: int) -> list[Any]:
    """One entry for each block list: a single entry serves all of them.

    Raises:
        ValueError: another number of entries.
    """
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise ValueError(
            f"{name} has {len(values)} entries for {count} block lists. Give one for all of them, "
            "or one for each."
        )
    return values


def _modules(
    transformer: nn.Module, blocks: Any, names: Any
) -> list[tuple[str, dict[int, nn.Module]]]:
    owner = type(transformer).__name__
    wanted = _as_list(names) or [None] * len(_as_list(blocks))
    given = _as_list(blocks) or [_attribute(transformer, name) for name in wanted]
    if not given:
        raise ValueError(f"{owner}: no blocks. Give blocks=..., blocks_name=... or auto=True.")
    if len(wanted) != len(given):
        raise ValueError(
            f"{owner}: {len(wanted)} blocks_name for {len(given)} blocks. Give as many, or leave "
            "the names out."
        )
    known = {id(module): name for name, module in transformer.named_modules()}
    found, seen = [], set[int]()
    for index, (modules, name) in enumerate(zip(given, wanted, strict=True)):
        label = name or known.get(id(modules)) or f"blocks.{index}"
        by_place = _by_place(modules, f"{owner}.{label}")
        if any(id(block) not in known for block in by_place.values()):
            raise ValueError(
                f"{owner}.{label}: holds blocks that are no part of this {owner}. Give block lists "
                "of the transformer itself."
            )
        if len({id(block) for block in by_place.values()} | seen) < len(by_place) + len(seen):
            raise ValueError(f"{owner}.{label}: a block is listed twice. Give each block once.")
        seen.update(id(block) for block in by_place.values())
        found.append((label, by_place))
    return found


def _by_place(modules: Any, where: str) -> dict[int, nn.Module]:
    if isinstance(modules, nn.ModuleList):
        return dict(enumerate(modules))
    if isinstance(modules, nn.ModuleDict) and all(key.isdigit() for key in modules):
        return {int(key): block for key, block in modules.items()}
    raise ValueError(
        f"{where}: expected a torch.nn.ModuleList, or a ModuleDict whose keys are numbers, got "
        f"{type(modules).__name__}."
    )


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _attribute(transformer: nn.Module, name: str) -> Any:
    try:
        return transformer.get_submodule(name)
    except AttributeError as error:
        lists = [n for n, m in transformer.named_modules() if isinstance(m, nn.ModuleList)]
        raise ValueError(
            f"{type(transformer).__name__} has no block list {name!r}. Its module lists: "
            f"{', '.join(lists)}."
        ) from error
