"""Attention on one rank, over all keys or over some of them, and how such parts are merged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
import torch.nn.functional as F

Partial = tuple[torch.Tensor, torch.Tensor]
"""Output [B, H, S, D] of attention over some keys, and log of the sum of exp(score) [B, H, S]."""


def _by_diffusers(*args: Any, **kwargs: Any) -> Any:
    from diffusers.models.attention_dispatch import dispatch_attention_fn  # noqa: PLC0415 - only here

    return dispatch_attention_fn(*args, **kwargs)


@dataclass(frozen=True)
class LocalAttention:
    """A kernel and its scale, for tensors [B, H, S, D].

    Attributes:
        scale: of the scores; None for 1 / sqrt(D).
        backend: name in diffusers' registry; None is ``scaled_dot_product_attention`` itself.
        key_of_head: which key head each query head uses; None leaves that to the kernel.
    """

    scale: float | None = None
    backend: str | None = None
    key_of_head: tuple[int, ...] | None = None

    def __call__(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
        is_causal: bool = False,
        enable_gqa: bool = False,
    ) -> torch.Tensor:
        """What ``scaled_dot_product_attention`` gives, [B, H, S, D]."""
        if 0 in query.shape:
            return query.new_zeros(*query.shape[:-1], value.shape[-1])
        key, value = self._for_each_head(key), self._for_each_head(value)
        if self.backend is None:
            return F.scaled_dot_product_attention(
                query,
                key,
                value,
                attn_mask=mask,
                is_causal=is_causal,
                scale=self.scale,
                enable_gqa=enable_gqa,
            )
        tokens_first = (each.transpose(1, 2) for each in (query, key, value))
        return _by_diffusers(
            *tokens_first,
            attn_mask=mask,
            is_causal=is_causal,
            scale=self.scale,
            enable_gqa=enable_gqa,
            backend=self.backend,
        ).transpose(1, 2)

    def partly(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> Partial:
        """Attention over some of the keys, with what is needed to merge it with the rest.

        The fused kernels of torch are used where they give the log of the sum; else it is computed
        by two matrix products.

        Raises:
            ValueError: the backend does not give the log of the sum.
        """
        nothing = query.new_full(query.shape[:-1], -math.inf)
        if 0 in query.shape or 0 in key.shape:
            return query.new_zeros(*query.shape[:-1], value.shape[-1]), nothing
        key, value = self._for_each_head(key), self._for_each_head(value)
        if self.backend is not None:
            return self._partly_by_backend(query, key, value, mask)
        added, scale = _additive(mask, query, key), self.scale
        if query.device.type == "cpu" and query.shape[-1] == value.shape[-1]:
            out, total = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
                query, key, value, 0.0, False, attn_mask=added, scale=scale
            )
            total = total.to(query.dtype) if query.dtype is torch.float64 else total
        elif query.is_cuda and query.shape[-1] == value.shape[-1]:
            out, total, *_ = torch.ops.aten._scaled_dot_product_efficient_attention(
                query, key, value, added, True, scale=scale
            )
            total = total[..., : query.shape[-2]]  # padded to a multiple of 32
        else:
            return _by_products(query, key, value, added, scale)
        if added is not None:  # kernels call a row without keys 0
            total = total.masked_fill(added.isneginf().all(-1).expand_as(total), -math.inf)
        return out, total

    def _for_each_head(self, tensor: torch.Tensor) -> torch.Tensor:
        if self.key_of_head is None:
            return tensor
        runs = ((key, len(list(same))) for key, same in groupby(self.key_of_head))
        parts = [tensor[:, key : key + 1].expand(-1, count, -1, -1) for key, count in runs]
        return torch.cat(parts, 1)  # an index would have to travel to the device at every call

    def _partly_by_backend(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        mask: torch.Tensor | None,
    ) -> Partial:
        try:
            result = _by_diffusers(
                *(each.transpose(1, 2) for each in (query, key, value)),
                attn_mask=mask,
                scale=self.scale,
                attention_kwargs={"return_lse": True},
                backend=self.backend,
            )
            why = "" if isinstance(result, tuple) else "It returns the output only."
        except ValueError as error:
            result, why = None, str(error)
        if why:
            raise ValueError(
                f"ring attention: the backend {self.backend!r} does not give the log of the sum, "
                f"by which partial results are merged. {why} Use "
                "ring_rotate_method='allgather', Ulysses, or the backend 'native'."
            )
        return result[0].transpose(1, 2), result[1]


def merge(one: Partial, other: Partial) -> Partial:
    """Attention over the keys of both."""
    total = torch.logaddexp(one[1], other[1])
    known = total.masked_fill(total.isneginf(), 0.0)  # where neither has a key, both outputs are 0
    weights = [(part[1] - known).exp().unsqueeze(-1) for part in (one, other)]
    return one[0] * weights[0] + other[0] * weights[1], total


def _additive(
    mask: torch.Tensor | None, query: torch.Tensor, key: torch.Tensor
) -> torch.Tensor | None:
    if mask is None:
        return None
    if mask.dtype is torch.bool:
        mask = torch.zeros_like(mask, dtype=query.dtype).masked_fill(~mask, -math.inf)
    return mask.to(query.dtype).expand(*query.shape[:-1], key.shape[-2])


def _by_products(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    added: torch.Tensor | None,
    scale: float | None,
) -> Partial:
    scale = 1.0 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = (query * scale) @ key.transpose(-1, -2)
    scores = scores if added is None else scores + added
    total = scores.logsumexp(-1)
    known = total.masked_fill(total.isneginf(), 0.0)
    return (scores - known.unsqueeze(-1)).exp() @ value, total
