"""Tiny ControlNets with random weights, each with the transformer of the zoo that it guides.

``get("FluxControlNetModel")`` gives an entry; ``entry.build()`` the pair, and
``entry.step(pair, i)`` calls both as a pipeline does in denoising step i.
"""

from __future__ import annotations

from cache_dit.verify.controlnets.entries import ENTRIES as _ENTRIES
from cache_dit.verify.controlnets.entry import ControlNetEntry, Pair

__all__ = ["ENTRIES", "ControlNetEntry", "Pair"]

ENTRIES = {entry.name: entry for entry in _ENTRIES}
