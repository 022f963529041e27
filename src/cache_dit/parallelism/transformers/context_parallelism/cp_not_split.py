"""Models that have no context-parallel plan, and why."""

from __future__ import annotations

NOT_SPLIT = {
    "RFD4ProteinaTransformer": (
        "it keeps a representation of every pair of residues, which is what would have to be split"
    ),
}
"""Class -> reason."""
