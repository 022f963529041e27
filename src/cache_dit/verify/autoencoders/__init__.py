"""Tiny random autoencoders: every class of diffusers that works through tiles."""

from __future__ import annotations

from cache_dit.verify.autoencoders import images, videos
from cache_dit.verify.autoencoders.entry import SIDES, AutoencoderEntry

__all__ = ["ENTRIES", "SIDES", "AutoencoderEntry"]

ENTRIES = {entry.name: entry for family in (images, videos) for entry in family.ENTRIES}
