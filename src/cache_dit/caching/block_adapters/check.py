"""What can be said about an adapter before anything is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import torch
from torch import nn

from ...closest import hint
from ...intercept import original_class, parameter_names, unwrapped
from ..patch_functor import PatchFunctor
from .block_lists import BlockList, TransformerBlocks

if TYPE_CHECKING:
    from .block_adapter import BlockAdapter

_FLAGS = (
    *("check_forward_pattern", "check_num_outputs", "has_separate_cfg", "auto"),
    *("check_prefixes", "check_suffixes", "own_streams", "merges_early"),
)
_NAMES = ("allow_prefixes", "allow_suffixes", "branch_on")
_TURNS = ("chained", "interleaved")


def _is_flag(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _are_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)


_LEGAL: dict[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(_FLAGS, (_is_flag, "True or False")),
    **dict.fromkeys(_NAMES, (_are_names, "a list of names")),
    **dict.fromkeys(
        _TURNS,
        (lambda v: _is_flag(v) or (isinstance(v, tuple) and _are_names(v)), "a bool, or a tuple"),
    ),
    "blocks_policy": (lambda v: v in ("max", "min"), "'max' or 'min'"),
    "long_skip": (lambda v: v is None or isinstance(v, str), "the name of a parameter, or None"),
    "compute_when": (lambda v: v is None or callable(v), "a function, or None"),
    "patch_functor": (lambda v: v is None or isinstance(v, PatchFunctor), "a PatchFunctor or None"),
}


def check_fields(adapter: BlockAdapter) -> None:
    """Raise `ValueError` naming field and value where an adapter's field is of no use."""
    for name, (legal, expected) in _LEGAL.items():
        value = getattr(adapter, name)
        if not legal(value):
            raise ValueError(f"BlockAdapter: {name}={value!r}; expected {expected}.")


def check_transformers(modules: Sequence[Any]) -> None:
    """Raise `ValueError` where something that is given as a transformer is none, or given twice."""
    for module in modules:
        if not isinstance(module, nn.Module):
            raise ValueError(
                f"BlockAdapter: transformer={module!r}; expected a torch.nn.Module, or a list of "
                "them."
            )
    if len({id(unwrapped(module)) for module in modules}) < len(modules):
        raise ValueError("BlockAdapter: a transformer is listed twice. Give each one once.")


def check_lists(adapter: BlockAdapter, found: Sequence[TransformerBlocks]) -> None:
    """Raise `ValueError` for a chain of unknown lists, and for blocks unlike their pattern.

    Blocks are compared with the pattern as far as the adapter asks for it.
    """
    lists = [each for blocks in found for each in blocks.lists]
    names = [each.name for each in lists]
    for name in adapter.chained if isinstance(adapter.chained, tuple) else ():
        if name not in names:
            raise ValueError(
                f"BlockAdapter: chained={adapter.chained}: there is no block list {name!r}."
                f"{hint(name, names)} The block lists are {', '.join(names)}."
            )
    for each in lists:
        for block in {type(block): block for block in each.blocks}.values():
            if adapter.check_forward_pattern:
                _check_parameters(each, block)
            if adapter.check_num_outputs:
                _check_outputs(each, block)


def _check_parameters(blocks: BlockList, block: nn.Module) -> None:
    parameters = parameter_names(block)
    wanted = [(blocks.parameters or {}).get(stream, stream) for stream in blocks.pattern.In]
    if missing := [name for name in wanted if name not in parameters]:
        raise ValueError(
            f"{blocks.name}: forward({', '.join(parameters)}) has no parameter "
            f"{' and no '.join(missing)}, which {blocks.pattern.name} takes. Name the parameters "
            "in stream_parameters, choose another forward_pattern, or leave out "
            "check_forward_pattern."
        )


def _check_outputs(blocks: BlockList, block: nn.Module) -> None:
    returned, expected = _annotated_outputs(block), len(blocks.pattern.Out)
    if returned not in (None, expected):
        raise ValueError(
            f"{blocks.name}: forward of {original_class(block).__name__} says that it returns "
            f"{returned} tensors; {blocks.pattern.name} expects {expected} "
            f"({', '.join(blocks.pattern.Out)}). Choose another forward_pattern, or leave out "
            "check_num_outputs."
        )


def _annotated_outputs(block: nn.Module) -> int | None:
    """How many tensors the annotation of ``forward`` promises; None where it does not say."""
    cls: Any = original_class(block)
    try:
        returned = get_type_hints(cls.forward).get("return")
    except (NameError, TypeError):  # names that are only known to type checkers
        return None
    if returned is torch.Tensor:
        return 1
    parts = get_args(returned)
    return len(parts) if get_origin(returned) is tuple and Ellipsis not in parts else None
