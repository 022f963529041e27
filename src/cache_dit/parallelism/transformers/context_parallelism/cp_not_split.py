"""Models that have no context-parallel plan, and why."""

from __future__ import annotations

LINEAR = (
    "its linear attention keeps one state for the whole sequence, and its feed-forward convolves "
    "neighbouring tokens of the picture; splitting needs the sum of the states and rows at the "
    "borders to be exchanged"
)
NOT_SPLIT = {
    "RFD4ProteinaTransformer": (
        "it keeps a representation of every pair of residues, which is what would have to be split"
    ),
    "SanaTransformer2DModel": LINEAR,
    "SanaVideoTransformer3DModel": LINEAR,
    "SanaWMTransformer3DModel": LINEAR,
}
"""Class -> reason."""
