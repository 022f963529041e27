"""Real diffusers pipelines with tiny components, to run the cache as users run it.

``get("FluxPipeline")`` gives an entry; ``entry.build()`` the pipeline, and ``entry.run(pipe, 4)``
calls it for 4 steps. Variants of a call are named after a slash: "FluxPipeline/true_cfg". Entries
are data, a file for each kind of pipeline; the transformers are those of `cache_dit.verify.zoo`.
"""

from __future__ import annotations

from cache_dit.closest import hint
from cache_dit.verify.pipelines import (
    consisid,
    controlnet,
    cross_attention,
    families,
    flux,
    image,
    omnigen,
    sections,
    sound,
    video,
    worlds,
)
from cache_dit.verify.pipelines.entry import PipelineEntry

__all__ = ["ENTRIES", "PipelineEntry", "get"]

FAMILIES = (
    *(flux, image, omnigen, cross_attention, video, consisid, sound, sections, controlnet),
    *(families, worlds),
)
ENTRIES = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}


def get(name: str) -> PipelineEntry:
    """The entry called ``name``. Raises ValueError, with the closest names, if there is none."""
    if name in ENTRIES:
        return ENTRIES[name]
    raise ValueError(
        f"pipelines: no entry named {name!r}.{hint(name, ENTRIES)} "
        f"{len(ENTRIES)} are there, in ENTRIES."
    )
