"""Models that have no tensor-parallel plan, and why."""

from __future__ import annotations

NOT_SPLIT: dict[str, str] = {}
"""Class -> reason."""
