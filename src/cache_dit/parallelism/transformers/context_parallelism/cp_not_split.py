"""Models that have no context-parallel plan, and why."""

from __future__ import annotations

LINEAR = (
    "its linear attention keeps one state for the whole sequence, and its feed-forward convolves "
    "neighbouring tokens of the picture; splitting needs the sum of the states and rows at the "
    "borders to be exchanged"
)
COMPILED_MASK = (
    "its attention is flex_attention with a mask compiled for the whole sequence, which does not "
    "go through scaled_dot_product_attention"
)

NOT_SPLIT = {
    "AnyFlowFARTransformer3DModel": COMPILED_MASK,
    "Kandinsky6SRTransformer3DModel": COMPILED_MASK,
    "WanAnimate2Transformer3DModel": COMPILED_MASK,
    "QwenImage21Transformer2DModel": (
        "its attention walks over segments of the sequence by their places, of which a rank has "
        "parts only"
    ),
    "RFD4ProteinaTransformer": (
        "it keeps a representation of every pair of residues, which is what would have to be split"
    ),
    "SanaTransformer2DModel": LINEAR,
    "SanaVideoTransformer3DModel": LINEAR,
    "SanaWMTransformer3DModel": LINEAR,
}
"""Class -> reason."""
