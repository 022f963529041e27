"""Load a model of which every rank reads its part only."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from .config import ParallelismConfig
from .dispatch import Spread, planners_of
from .tensor_parallel import TensorParallel


def load_sharded(
    model_class: Any,
    folder: str | Path,
    config: ParallelismConfig,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """A model over the ranks, none of which ever holds it whole.

    What belongs to another rank is not even read.

    Args:
        model_class: of diffusers, such as ``FluxTransformer2DModel``.
        folder: with its ``config.json`` and its weights as safetensors.
        config: how it is spread; with a ``tp_size``.
        dtype: of the weights; None for that of the file.
        device: where this rank's part belongs.

    Raises:
        ValueError: there is no ``tp_size``, no safetensors, a weight is missing, or the model
            cannot be spread.
    """
    if config.tp_size is None:
        raise ValueError(
            "load_sharded: the config has no tp_size, so that every rank would read everything. "
            "Give one, or use from_pretrained."
        )
    with _without_data():
        model = model_class.from_config(model_class.load_config(folder))
    applied = [planner.prepare(model, config) for planner in planners_of(model, config)]
    with ExitStack() as files:
        weights = _weights(Path(folder), files)
        missing = [name for name, _ in model.named_parameters() if name not in weights]
        if missing:
            raise ValueError(
                f"load_sharded: {folder} lacks {missing[0]} ({len(missing)} in all). Check that it "
                f"belongs to {model_class.__name__}."
            )
        for each in applied:
            if isinstance(each, TensorParallel):
                each.load(
                    lambda name: weights[name].get_slice(name),
                    lambda value: value.to(device, dtype),
                )
            else:
                each.install()
    for module in model.modules():
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device, dtype if buffer.is_floating_point() else None))
    Spread([(model, each) for each in applied]).adopt()
    return model.eval()


def _without_data() -> Any:
    """Within it, parameters are made without data, and buffers as always."""
    try:
        from accelerate import init_empty_weights  # noqa: PLC0415 - needed for loading only
    except ImportError as error:
        raise ValueError(
            f"load_sharded: models cannot be made without data ({error}). "
            "Run: pip install accelerate"
        ) from error
    return init_empty_weights()


def _weights(folder: Path, files: ExitStack) -> dict[str, Any]:
    """Name of a weight -> the open file that has it."""
    found: dict[str, Any] = {}
    for path in sorted(_listed(folder)):
        opened = files.enter_context(safe_open(path, "pt"))
        found |= dict.fromkeys(opened.keys(), opened)
    if not found:
        raise ValueError(f"load_sharded: {folder} has no safetensors. Save the model as such.")
    return found


def _listed(folder: Path) -> set[Path]:
    """The files that an index names, or else all that are there."""
    for index in folder.glob("*.safetensors.index.json"):
        return {folder / name for name in json.loads(index.read_text())["weight_map"].values()}
    return set(folder.glob("*.safetensors"))
