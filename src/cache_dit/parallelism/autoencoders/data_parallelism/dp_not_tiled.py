"""Autoencoders whose work cannot be shared out by tiles, and why."""

from __future__ import annotations

NOT_TILED: dict[str, str] = {}
"""Class -> reason."""
