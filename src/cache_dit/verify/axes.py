"""What can be verified of a model of the zoo: one function for each axis."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from cache_dit import BlockAdapterRegister
from cache_dit.closest import hint
from cache_dit.verify import autoencoders, controlnets, text_encoders, zoo
from cache_dit.verify.cache_check import check_cache
from cache_dit.verify.context_check import verify_context_parallel
from cache_dit.verify.controlnet_check import verify_controlnet
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.tensor_check import verify_tensor_parallel, verify_together
from cache_dit.verify.text_encoder_check import verify_text_encoder
from cache_dit.verify.tile_check import verify_tiles
from cache_dit.verify.zoo.own import OwnModel


def verify_cache(entry: zoo.Entry, every_setting: bool) -> Report:
    """The cache, with the adapter that is registered for the model."""
    dtype = torch.float64
    model = entry.build(dtype)
    adapter = BlockAdapterRegister.get_adapter(model)
    return check_cache(
        adapter,
        lambda step, seed: entry.step_inputs(step, dtype, seed),
        prefill=partial(entry.prepare, model, dtype) if entry.prefill else None,
        every_setting=every_setting,
        name=entry.name,
    )


@dataclass(frozen=True)
class Axis:
    """What is verified on one axis, and of which models.

    Attributes:
        verify: ``verify(entry, every_setting)`` makes the report of one entry.
        entries: tiny models by name; each has ``name``, ``class_name`` and ``available``.
        kind: what these models are, as the matrix heads them.
    """

    verify: Callable[[Any, bool], Report]
    entries: Mapping[str, Any]
    kind: str

    def get(self, name: str) -> Any:
        """The entry called ``name``.

        Raises:
            ValueError: there is none; the message names the closest.
        """
        if name in self.entries:
            return self.entries[name]
        if self.entries is zoo.ENTRIES:
            return zoo.get(name)  # which knows more about what is missing
        raise ValueError(
            f"verify: no {self.kind} named {name!r}.{hint(name, self.entries)} "
            f"{len(self.entries)} are there."
        )


TRANSFORMERS = "transformer"

AXES: dict[str, Axis] = {
    "cache": Axis(verify_cache, zoo.ENTRIES, TRANSFORMERS),
    "cp": Axis(verify_context_parallel, zoo.ENTRIES, TRANSFORMERS),
    "tp": Axis(verify_tensor_parallel, zoo.ENTRIES, TRANSFORMERS),
    "tp+cp": Axis(verify_together, zoo.ENTRIES, TRANSFORMERS),
    "vae": Axis(verify_tiles, autoencoders.ENTRIES, "autoencoder"),
    "controlnet": Axis(verify_controlnet, controlnets.ENTRIES, "controlnet"),
    "te": Axis(verify_text_encoder, text_encoders.ENTRIES, "text encoder"),
}


def model_names() -> list[str]:
    """Names of the tiny models of all axes, those of one kind together."""
    return list(dict.fromkeys(name for axis in AXES.values() for name in axis.entries))


def verify_model(name: str, axis: str = "cache", *, every_setting: bool = False) -> Report:
    """Verify one model of the zoo; whatever goes wrong is in the report.

    Args:
        name: of the entry in the zoo, such as ``"FluxTransformer2DModel/controlnet"``.
        axis: a key of `AXES`.
        every_setting: all settings, not a telling few.

    Raises:
        ValueError: no such model, or no such axis.
    """
    if axis not in AXES:
        raise ValueError(f"verify: no axis {axis!r}. Use one of {', '.join(AXES)}.")
    entry = AXES[axis].get(name)
    if not entry.available:
        library = entry.module.partition(".")[0]
        return Report(name, axis, not_applicable=f"The installed {library} lacks this class.")
    started = time.perf_counter()
    try:
        if isinstance(entry, OwnModel):
            entry.require_call()  # before processes are started for it
        report = AXES[axis].verify(entry, every_setting)
    except Exception as error:  # a model that cannot even be tried is not verified
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        report = Report(name, axis, [Finding("preparation", problem=f"{kind}{error}")])
    report.seconds = time.perf_counter() - started
    return report
