"""Where a tensor comes from, seen by its values: they are random, so that no two are alike."""

from __future__ import annotations

import torch

from cache_dit.new_model.watch import Attended, Call


def takes(call: Call, attended: Attended) -> bool:
    """Whether a layer is given what an attention returned, or some tokens of it, first of all."""
    value = next(iter(call.arguments.values()), None)
    heads, size = attended.output.shape[1], attended.output.shape[3]
    if not isinstance(value, torch.Tensor) or value.shape[-1] < heads * size:
        return False
    return _among(value[..., : heads * size], attended.output.transpose(1, 2).flatten(2))


def hands_on(call: Call, following: Call) -> bool:
    """Whether a block is given what another one returned, or some tokens of it, in any order."""
    return any(
        isinstance(value, torch.Tensor) and value.ndim > 2 and _among(value, call.output)
        for value in following.arguments.values()
    )


def _among(some: torch.Tensor, tokens: torch.Tensor) -> bool:
    """Whether the first and the last of some tokens are among others."""
    if some.shape[-1] != tokens.shape[-1]:
        return False
    given, rows = some.flatten(0, -2), tokens.flatten(0, -2)
    ends = (given[:1], given[-1:])
    return all(bool(((rows - end).abs() < 1e-9).all(-1).any()) for end in ends)


def of_tokens(calls: list[Call]) -> list[Call]:
    """The layers that are given tokens, not one vector for each sample; all where none is."""
    values = {call.name: next(iter(call.arguments.values()), None) for call in calls}
    given = [c for c in calls if isinstance(v := values[c.name], torch.Tensor) and v.ndim > 2]
    return given or calls


def is_part(value: torch.Tensor, of: torch.Tensor) -> bool:
    """Whether a tensor is another one, or one of the equal parts of its width."""
    width = value.shape[-1]
    if of.shape[:-1] != value.shape[:-1] or of.shape[-1] % width:
        return False
    parts = of.unflatten(-1, (-1, width)).unbind(-2)
    return any(torch.equal(part, value) for part in parts)
