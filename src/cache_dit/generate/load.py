"""Loading a pipeline by its folder or hub id."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline

from cache_dit.demo import WEIGHTS, EmojiPipeline

DTYPES = {
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
}


def load_pipeline(model: str, dtype: str | None, device: torch.device) -> Any:
    """The pipeline in a folder, of a hub id, or the package's own (``"demo"``), in memory.

    Args:
        model: where it is.
        dtype: a key of `DTYPES`; None is bfloat16 on a GPU, float32 elsewhere.
        device: where it will run.

    Raises:
        ValueError: an unknown dtype.
        OSError: nothing of that name, here or at the hub.
    """
    name = dtype or ("bfloat16" if device.type == "cuda" else "float32")
    if name not in DTYPES:
        raise ValueError(f"--dtype {name}: unknown. Use one of {', '.join(DTYPES)}.")
    if model == "demo":
        model = str(WEIGHTS)
    with warnings.catch_warnings():  # the newest diffusers calls it dtype, which older ones lack
        warnings.filterwarnings("ignore", "`torch_dtype` is deprecated", FutureWarning)
        return _class_for(model).from_pretrained(model, torch_dtype=DTYPES[name])


def _class_for(model: str) -> Any:
    """diffusers finds the class by itself, but for that of the demo, which it does not know."""
    index = Path(model) / "model_index.json"
    if index.is_file():
        content = json.loads(index.read_text(encoding="utf-8"))
        if content.get("_class_name") == EmojiPipeline.__name__:
            return EmojiPipeline
    return DiffusionPipeline
