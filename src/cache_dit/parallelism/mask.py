"""A mask over the whole sequence, cut to the rows and columns that one rank attends to."""

from __future__ import annotations

import copy
from typing import Any

import torch

from .mesh import Mesh
from .sequence import Counted, Layout


class Mask:
    """What of an attention's mask belongs to this rank; collective when it is made.

    A mask is given as the model made it: over the whole sequence in its own order, or over this
    rank's tokens, where it was made from parts.

    Raises:
        ValueError: it fits neither.
    """

    def __init__(
        self,
        mesh: Mesh,
        query: Layout | Counted,
        keys: Layout | Counted,
        mask: torch.Tensor | None,
        causal: bool,
    ) -> None:
        self.mesh, self.causal = mesh, causal
        self.mask: torch.Tensor | None = None
        self.heads: range | None = None  # None: it is that of all heads
        self._cuts: dict[Any, torch.Tensor] = {}
        self.nothing = mask is None and not causal
        if self.nothing:
            return
        if isinstance(query, Counted) or isinstance(keys, Counted):
            raise ValueError(
                "context parallelism: a mask, or causal attention, over sequences whose lengths "
                "were asked for. Name the streams in the plan's attention(...)."
            )
        self.query, self.keys = query, keys
        if mask is not None:
            self.mask = self._over_everything(_compact(mask, query, keys))

    def of(self, heads: range) -> Mask:
        """The mask of some heads."""
        chosen = copy.copy(self)
        if self.mask is not None and self.mask.shape[1] > 1:
            chosen.mask, chosen.heads = self.mask[:, heads.start : heads.stop], heads
        return chosen

    def block(self, group: int, device: torch.device) -> torch.Tensor | None:
        """Rows of this rank's Ulysses group, columns of another one."""
        return self._cut(self._ranks(group), device)

    def all_blocks(self, device: torch.device) -> torch.Tensor | None:
        """Rows of this rank's Ulysses group, columns of all ranks in order."""
        return self._cut(range(self.mesh.context.size), device)

    def _ranks(self, group: int) -> range:
        width = self.mesh.ulysses.size
        return range(group * width, (group + 1) * width)

    def _cut(self, ranks: range, device: torch.device) -> torch.Tensor | None:
        if self.nothing:
            return None
        key = self.heads, ranks, device
        if key not in self._cuts:
            self._cuts[key] = self._new_cut(ranks, device)
        return self._cuts[key]

    def _new_cut(self, ranks: range, device: torch.device) -> torch.Tensor:
        rows = self.query.positions(self._ranks(self.mesh.ring.rank), device)
        columns = self.keys.positions(ranks, device)
        before = rows.unsqueeze(1) >= columns
        if self.mask is None:
            return before
        mask = _select(self.mask, -2, rows)
        mask = _select(mask, -1, columns)
        return mask & before if self.causal else mask

    def _over_everything(self, mask: torch.Tensor) -> torch.Tensor:
        rows, columns = mask.shape[-2:]
        context = self.mesh.context
        here = self.query.sizes[context.rank], self.keys.sizes[context.rank]
        if columns in (1, self.keys.length) and rows in (1, self.query.length):
            return mask
        if columns == here[1] and rows == 1:  # which of the keys here count
            return self.keys.whole(mask, -1, context)
        if (rows, columns) == here and mask.dtype is torch.bool and self.query == self.keys:
            valid = mask.diagonal(dim1=-2, dim2=-1)  # which of the tokens here count for each other
            if torch.equal(mask, valid.unsqueeze(-1) & valid.unsqueeze(-2)):
                valid = self.keys.whole(valid, -1, context)
                return valid.unsqueeze(-1) & valid.unsqueeze(-2)
        raise ValueError(
            f"context parallelism: a mask of shape {tuple(mask.shape)} fits neither the whole "
            f"sequence of {self.query.length} queries and {self.keys.length} keys, nor the "
            f"{here[0]} and {here[1]} on this rank. Correct the streams that the plan's "
            "attention(...) names, or split the argument that the mask is made of."
        )


class Masks:
    """Masks that were cut in this call: the layers of a model mostly have the same ones.

    A mask is known again by its memory and its version, which every write into it changes; while
    it is known, its memory is not given to anything else.
    """

    MOST = 4  # in use at a time; a model that makes new ones for each layer is not to keep them all

    def __init__(self) -> None:
        self._known: dict[Any, tuple[torch.Tensor | None, Mask]] = {}

    def of(
        self,
        mesh: Mesh,
        query: Layout | Counted,
        keys: Layout | Counted,
        mask: torch.Tensor | None,
        causal: bool,
    ) -> Mask:
        """The mask, made only where it is not known; see `Mask`."""
        if mask is not None and not _recognizable(mask, query, keys):
            return Mask(mesh, query, keys, mask, causal)
        key = query, keys, causal, None if mask is None else _identity(mask)
        _, made = self._known.pop(key, (None, None))
        made = made or Mask(mesh, query, keys, mask, causal)
        self._known[key] = mask, made
        while len(self._known) > self.MOST:
            del self._known[next(iter(self._known))]
        return made

    def __len__(self) -> int:
        return len(self._known)

    def forget(self) -> None:
        """The call is over."""
        self._known.clear()


def _identity(mask: torch.Tensor) -> Any:
    memory = mask.device, mask.data_ptr(), mask.dtype, mask.shape, mask.stride()
    return *memory, mask._version


def _recognizable(mask: torch.Tensor, query: Layout | Counted, keys: Layout | Counted) -> bool:
    """Whether the mask is known again on all ranks, or on none.

    Tensors of inference mode have no version. And where one rank has a single token, a view there
    may be a copy elsewhere: then some ranks would gather their parts, and others not.
    """
    return not mask.is_inference() and min(*query.sizes, *keys.sizes) > 1


def _compact(mask: torch.Tensor, query: Layout, keys: Layout) -> torch.Tensor:
    """Dimensions along which a mask was expanded are 1 again: they say nothing about lengths."""
    if mask.ndim == 2 and mask.shape[1] == keys.length and mask.shape[0] != query.length:
        mask = mask[:, None, None]  # one row for each sample, as diffusers' dispatcher takes it
    while mask.ndim < 4:
        mask = mask.unsqueeze(0)
    for dim in range(3):
        if mask.shape[dim] > 1 and mask.stride(dim) == 0:
            mask = mask.narrow(dim, 0, 1)
    return mask


def _select(mask: torch.Tensor, dim: int, places: torch.Tensor) -> torch.Tensor:
    return mask if mask.shape[dim] == 1 else mask.index_select(dim, places)
