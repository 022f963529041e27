"""What ControlNets are given beside what their transformers are given."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F

from cache_dit.verify.controlnets.entry import Given
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import full, randn


def tokens(s: SimpleNamespace, given: Given) -> Arguments:
    """A picture in packed latents."""
    return {"controlnet_cond": randn(s.batch, s.height * s.width, 8), "conditioning_scale": 0.7}


def picture(s: SimpleNamespace, given: Given) -> Arguments:
    """A picture in latents, of the size of the sample."""
    return {"controlnet_cond": randn(*given["hidden_states"].shape), "conditioning_scale": 0.7}


def union(s: SimpleNamespace, given: Given) -> Arguments:
    """With a number for the kind of control."""
    return {**tokens(s, given), "controlnet_mode": torch.ones(s.batch, 1, dtype=torch.long)}


def several(arguments: Mapping[str, Any]) -> Arguments:
    """Two conditions, the second one weaker."""
    first = arguments["controlnet_cond"]
    return {
        **arguments,
        "controlnet_cond": [first, first],
        "conditioning_scale": [0.7, 0.3],
    }


def two_unions(s: SimpleNamespace, given: Given) -> Arguments:
    mode = torch.ones(s.batch, dtype=torch.long)
    return {**several(tokens(s, given)), "controlnet_mode": [mode, 0 * mode]}


def without_text(s: SimpleNamespace, given: Given) -> Arguments:
    """What the transformer's embedder makes of the sample, and no text."""
    return {
        "controlnet_cond": randn(*given["hidden_states"].shape),
        "hidden_states": randn(s.batch, s.height * s.width, 32),
        "encoder_hidden_states": None,
    }


def z_image(s: SimpleNamespace, given: Given) -> Arguments:
    size = (4, 1, 2 * s.height, 2 * s.width)
    return {"control_context": [randn(*size) for _ in range(s.batch)], "conditioning_scale": 0.7}


def cosmos(s: SimpleNamespace, given: Given) -> Arguments:
    """Latents of the control and of the sample, under names of their own."""
    size = given["hidden_states"].shape
    return {
        "controls_latents": randn(*size),
        "latents": given["hidden_states"],
        "conditioning_scale": 0.7,
        "padding_mask": full(0.0, 1, 1, *size[-2:]),
    }


@contextmanager
def resizing() -> Iterator[None]:
    """Where torchvision is missing, something in place of the one function of it that Cosmos uses.

    It resizes a mask, which here has the right size already.
    """
    names = vars(importlib.import_module("diffusers.models.controlnets.controlnet_cosmos"))
    if "transforms" in names:
        yield
        return
    names["transforms"] = SimpleNamespace(
        functional=SimpleNamespace(resize=lambda mask, size, **_: F.interpolate(mask, tuple(size))),
        InterpolationMode=SimpleNamespace(NEAREST="nearest"),
    )
    try:
        yield
    finally:
        del names["transforms"]
