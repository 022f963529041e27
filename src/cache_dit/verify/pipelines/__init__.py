"""Real diffusers pipelines with tiny components, to run the cache as users run it.

``get("FluxPipeline")`` gives an entry; ``entry.build()`` the pipeline, ``entry.run(pipe, steps=4)``
calls it. Variants of a call are named after a slash: "FluxPipeline/true_cfg". Text comes as its
states; where a text encoder and tokenizer are wanted, `cache_dit.verify.pipelines.text` has them.
"""

from __future__ import annotations

from cache_dit.verify.pipelines import cross_attention, flux, image, sections, video
from cache_dit.verify.pipelines.entry import PipelineEntry

__all__ = ["ENTRIES", "PipelineEntry", "get"]

FAMILIES = (flux, image, cross_attention, video, sections)
ENTRIES = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}


def get(name: str) -> PipelineEntry:
    """The entry called ``name``. Raises KeyError if there is none."""
    return ENTRIES[name]
