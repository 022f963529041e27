"""The arguments of a pipeline's call, from what was typed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image

OPTIONS = {
    "prompt": "--prompt",
    "negative_prompt": "--negative-prompt",
    "num_inference_steps": "--steps",
    "guidance_scale": "--guidance",
    "height": "--height",
    "width": "--width",
    "num_frames": "--frames",
    "image": "--image",
}
"""Argument of a pipeline -> the option that sets it."""


def call_arguments(pipe: Any, wanted: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Keyword arguments of one call; what is None is left to the pipeline.

    Arrays are asked for, where the pipeline can give them, since those can be compared.

    Raises:
        ValueError: the pipeline has no such argument, or cannot be called without another one.
    """
    known = inspect.signature(type(pipe).__call__).parameters
    given = {name: value for name, value in wanted.items() if value is not None}
    for name in given:
        if name not in known:
            raise ValueError(
                f"{_option(name)}: {type(pipe).__name__} takes no {name}. It takes: "
                f"{', '.join(each for each in known if each != 'self')}."
            )
    if missing := [name for name in _required(known) if name not in given]:
        raise ValueError(
            f"{_option(missing[0])}: {type(pipe).__name__} cannot be called without "
            f"{missing[0]}. Add the option."
        )
    if isinstance(given.get("image"), Path):
        given["image"] = Image.open(given["image"]).convert("RGB")
    arguments = {"output_type": "np", "generator": torch.Generator().manual_seed(seed)}
    return {name: value for name, value in arguments.items() if name in known} | given


def _option(name: str) -> str:
    return OPTIONS.get(name, f"--call {name}=...")


def _required(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    each = (one for one in parameters.values() if one.kind not in several)
    return [one.name for one in each if one.default is one.empty and one.name != "self"]
