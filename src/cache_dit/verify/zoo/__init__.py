"""The zoo: every denoising transformer of diffusers, tiny, with random weights and with inputs.

``get("FluxTransformer2DModel")`` gives an entry; ``entry.build()`` the model, ``entry.inputs()``
the arguments of one denoising call as a pipeline would make them, ``entry.step_inputs(i)`` those of
step i. Variants of a class are named after a slash: "FluxTransformer2DModel/controlnet". Models
with a key-value cache need what ``entry.prepare(model)`` gives as well, so that
``model(**entry.inputs(), **entry.prepare(model))`` works for all.

Entries are data, a file for each family of models. Nothing of diffusers is imported before a model
is built, and a class that an older diffusers lacks costs only its own entries.
"""

from __future__ import annotations

from typing import Any

from cache_dit.closest import hint
from cache_dit.verify.zoo import (
    animate,
    audio,
    bria,
    cogview,
    flux,
    hunyuan,
    image,
    kandinsky,
    ltx,
    lumina,
    pixart,
    qwen,
    sana,
    wan,
    world,
)
from cache_dit.verify.zoo.entry import Entry
from cache_dit.verify.zoo.own import is_own, own_model
from cache_dit.verify.zoo.tensors import first_tensor, tensors

__all__ = ["NOT_DENOISERS", "Entry", "first_tensor", "get", "names", "tensors"]

FAMILIES = (
    flux,
    bria,
    qwen,
    image,
    lumina,
    pixart,
    sana,
    cogview,
    wan,
    animate,
    hunyuan,
    ltx,
    kandinsky,
    world,
    audio,
)
ENTRIES = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}

NOT_DENOISERS = {
    "DreamLiteTransformer2DModel": "a part of DreamLiteUNetModel, not called by a pipeline",
    "MiniMaxMusic3RVQDepthDecoder": "predicts the codes of one audio frame, one after the other",
    "Transformer2DModel": "a part of UNets, not called by a pipeline",
    "TransformerTemporalModel": "a part of video UNets, not called by a pipeline",
}


def names() -> list[str]:
    """Names of all entries, family by family, whether the installed diffusers has them or not."""
    return list(ENTRIES)


def get(name: str) -> Any:
    """The entry called ``name``, or that of a model of one's own, by file or module.

    Raises ValueError, with the closest names, if there is none.
    """
    if name in ENTRIES:
        return ENTRIES[name]
    if is_own(name):
        return own_model(name)
    if name in NOT_DENOISERS:
        raise ValueError(f"zoo: {name} is no denoiser: {NOT_DENOISERS[name]}.")
    raise ValueError(
        f"zoo: no entry named {name!r}.{hint(name, ENTRIES)} "
        f"{len(ENTRIES)} are there: cache_dit.verify.zoo.names() lists them. Name a model of your "
        "own by its file, FILE.py."
    )
