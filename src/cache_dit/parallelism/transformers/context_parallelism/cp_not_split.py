"""Models that have no context-parallel plan, and why."""

from __future__ import annotations

NOT_SPLIT: dict[str, str] = {}
"""Class -> reason."""
