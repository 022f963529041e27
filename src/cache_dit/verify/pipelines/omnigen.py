"""OmniGen, whose pipeline asks torchvision to prepare pictures, and needs it for nothing else."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from cache_dit.verify.pipelines.components import autoencoder_kl, parts
from cache_dit.verify.pipelines.encoders import tokenizer
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import ONE
from cache_dit.verify.pipelines.texts import image_size, prompts

HOME = "diffusers.pipelines.omnigen"
PREPARES = ("Compose", "Lambda", "ToTensor", "Normalize")


@contextmanager
def preparing() -> Iterator[None]:
    """Where torchvision is missing, something in place of it while the pipeline is made.

    The calls here bring no pictures along, so that nothing is ever prepared.
    """
    names = vars(importlib.import_module(f"{HOME}.processor_omnigen"))
    pipeline = vars(importlib.import_module(f"{HOME}.pipeline_omnigen"))
    if "transforms" in names:
        yield
        return
    names["transforms"] = SimpleNamespace(**dict.fromkeys(PREPARES, _nothing))
    pipeline["OmniGenMultiModalProcessor"] = names["OmniGenMultiModalProcessor"]
    try:
        yield
    finally:
        del names["transforms"], pipeline["OmniGenMultiModalProcessor"]


def _nothing(*args: Any, **kwargs: Any) -> None: ...


ENTRIES = (
    PipelineEntry(
        class_name="OmniGenPipeline",
        components=parts(
            "OmniGenTransformer2DModel",
            vae=lambda: autoencoder_kl(4, halvings=3),
            tokenizer=tokenizer,
        ),
        call=lambda s: {**image_size(s), **prompts(s, negative=False)},
        sizes={"batch": 1, "height": 64, "width": 48},
        branches=ONE,
        making=preparing,
        note="words only; both branches of the guidance are in one batch",
    ),
)
