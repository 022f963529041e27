"""Load a model of which every rank reads its part only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import nn

from .config import ParallelismConfig
from .dispatch import planners_of
from .spread import Spread
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

    What belongs to another rank is not even read. Types are those of ``from_pretrained``: what the
    model keeps in float32 stays so, and numbers that are in no file are as the model makes them.

    Args:
        model_class: of diffusers, such as ``FluxTransformer2DModel``.
        folder: with its ``config.json`` and its weights as safetensors.
        config: how it is spread; with a ``tp_size``.
        dtype: of the weights; None for that of the file.
        device: where this rank's part belongs.

    Raises:
        ValueError: there is no ``tp_size``, no safetensors, a weight is missing or has another
            shape, or the model cannot be spread.
    """
    if config.tp_size is None:
        raise ValueError(
            "load_sharded: the config has no tp_size, so that every rank would read everything. "
            "Give one, or use from_pretrained."
        )
    with _without_data(), _by_default(dtype):
        model = model_class.from_config(model_class.load_config(folder))
    spread = Spread([(model, planner) for planner in planners_of(model, config)], config)
    with ExitStack() as files:
        weights = _weights(Path(folder), files)
        _check(model, weights, folder)
        exact = _kept_in_float32(model)

        def placed(name: str, value: torch.Tensor) -> torch.Tensor:
            if dtype is None or not value.is_floating_point():
                return value.to(device)
            return value.to(device, torch.float32 if exact & set(name.split(".")) else dtype)

        for each in spread.of(model):
            if isinstance(each, TensorParallel):
                each.load(lambda name: weights[name].get_slice(name), placed)
            else:
                each.install()
        for name, buffer in list(model.named_buffers()):
            owner, _, last = name.rpartition(".")
            read = placed(name, weights[name].get_tensor(name)) if name in weights else buffer
            setattr(model.get_submodule(owner), last, read.to(device))
    spread.adopt()
    return model.eval()


def _check(model: nn.Module, weights: Mapping[str, Any], folder: str | Path) -> None:
    """Nothing, if the files have all parameters, and in the shapes that the model has."""
    kind = type(model).__name__
    missing = [name for name, _ in model.named_parameters() if name not in weights]
    if missing:
        raise ValueError(
            f"load_sharded: {folder} lacks {missing[0]} ({len(missing)} in all). Check that it "
            f"belongs to {kind}."
        )
    for name, value in model.state_dict(keep_vars=True).items():
        if name not in weights:
            continue
        shape = tuple(weights[name].get_slice(name).get_shape())
        if shape != tuple(value.shape):
            raise ValueError(
                f"load_sharded: {folder} has {name} of shape {shape}, but {kind} with its "
                f"config.json has {tuple(value.shape)}. Check that weights and config belong "
                "together."
            )


def _kept_in_float32(model: nn.Module) -> set[str]:
    """Parts of names of what the model computes with in float32, whatever the others are."""
    kept = getattr(model, "_keep_in_fp32_modules", None) or ()
    return {kept} if isinstance(kept, str) else set(kept)


@contextmanager
def _by_default(dtype: torch.dtype | None) -> Iterator[None]:
    """Within it, what a model makes itself has this type, where the model does not say another."""
    before = torch.get_default_dtype()
    if dtype is not None and dtype.itemsize > 1:  # in 8 bits nothing can be made
        torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


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
