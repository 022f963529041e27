"""Colours and type of the demo's picture and chart."""

from __future__ import annotations

INK, FAINT, RULE = "#1f2933", "#7b8794", "#e4e7eb"
COMPUTED, REUSED, LIMIT = "#2b4c7e", "#f2b84b", "#c0392b"
