"""Tiny random autoencoders: every class of diffusers that works through tiles, and the others."""

from __future__ import annotations

from cache_dit.parallelism.autoencoders.data_parallelism.dp_not_tiled import NOT_TILED
from cache_dit.verify.autoencoders import audio, causal, images, videos
from cache_dit.verify.autoencoders.entry import AutoencoderEntry, Untiled

__all__ = ["ENTRIES", "TILED", "AutoencoderEntry", "Untiled"]

TILED = {
    entry.name: entry for family in (images, videos, causal, audio) for entry in family.ENTRIES
}
ENTRIES: dict[str, AutoencoderEntry | Untiled] = {
    **TILED,
    **{name: Untiled(name) for name in NOT_TILED},
}
