"""What most calls give a pipeline in place of a text: states and masks, positive and negative."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import randn

EMBEDS = ("prompt_embeds", "negative_prompt_embeds")
EMBEDS_2 = ("prompt_embeds_2", "negative_prompt_embeds_2")
POOLED = ("pooled_prompt_embeds", "negative_pooled_prompt_embeds")
MASKS = ("prompt_embeds_mask", "negative_prompt_embeds_mask")
MASKS_2 = ("prompt_embeds_mask_2", "negative_prompt_embeds_mask_2")
ATTENTION_MASKS = ("prompt_attention_mask", "negative_prompt_attention_mask")
ATTENTION_MASKS_2 = ("prompt_attention_mask_2", "negative_prompt_attention_mask_2")

Names = tuple[str, ...]


def states(s: SimpleNamespace, width: int, names: Names = EMBEDS, length: int = 0) -> Arguments:
    """Text states of ``width`` channels: [batch, text, width]."""
    return {name: randn(s.batch, length or s.text, width) for name in names}


def masks(
    s: SimpleNamespace,
    names: Names = ATTENTION_MASKS,
    length: int = 0,
    dtype: torch.dtype = torch.int64,
) -> Arguments:
    """Masks without padding: [batch, text]."""
    return {name: torch.ones(s.batch, length or s.text, dtype=dtype) for name in names}


def pooled(s: SimpleNamespace, width: int = 12, names: Names = POOLED) -> Arguments:
    """One state for the whole text: [batch, width]."""
    return {name: randn(s.batch, width) for name in names}


def prompts(s: SimpleNamespace, negative: bool = True) -> Arguments:
    """Words, for pipelines with text encoders."""
    texts = {"prompt": ["a red cat", "the small dog on a boat", "sky"][: s.batch]}
    return {**texts, "negative_prompt": ["a tree"] * s.batch} if negative else texts


def image_size(s: SimpleNamespace) -> Arguments:
    return {"height": s.height, "width": s.width}


def video_size(s: SimpleNamespace) -> Arguments:
    return {"height": s.height, "width": s.width, "num_frames": s.frames}


def encoded(width: int, length: int = 7) -> Callable[..., Any]:
    """Text states that tell texts apart by their letters: [texts, length, width]."""

    def encode(prompt: str | list[str], *args: Any, **kwargs: Any) -> torch.Tensor:
        texts = [prompt] if isinstance(prompt, str) else prompt
        seeds = [torch.Generator().manual_seed(sum(map(ord, text))) for text in texts]
        return torch.stack([torch.randn(length, width, generator=each) for each in seeds])

    return encode


def seen(image: torch.Tensor, device: torch.device) -> torch.Tensor:
    """States of CLIP for a picture."""
    return image.mean() + encoded(24, 257)("picture")
