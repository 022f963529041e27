"""Attention over a part of the keys, and how parts are put together."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

Partial = tuple[torch.Tensor, torch.Tensor]
"""Output [B, H, S, D] of attention over some keys, and log of the sum of exp(score) [B, H, S]."""


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float | None,
) -> torch.Tensor:
    """Attention over all keys: what ``scaled_dot_product_attention`` gives, [B, H, S, D]."""
    if 0 in query.shape:
        return query.new_zeros(*query.shape[:-1], value.shape[-1])
    return F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=scale)


def attend_partly(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None,
    scale: float | None,
) -> Partial:
    """Attention over some of the keys, with what is needed to merge it with the rest.

    The fused kernels of torch are used where they give the log of the sum; else it is computed by
    two matrix products.
    """
    nothing = query.new_full(query.shape[:-1], -math.inf)
    if 0 in query.shape or 0 in key.shape:
        return query.new_zeros(*query.shape[:-1], value.shape[-1]), nothing
    added = _additive(mask, query, key)
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
