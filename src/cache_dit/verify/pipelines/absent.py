"""Models of the zoo that no pipeline of the table has, and why."""

from __future__ import annotations

from collections.abc import Mapping

MODULAR = "diffusers has no pipeline for it, only blocks to make one of (modular pipelines)"

ABSENT: Mapping[str, str] = {
    "Flux3Transformer2DModel": MODULAR,
    "MiniMaxH3Transformer3DModel": MODULAR,
    "MiniMaxMusic3Transformer1DModel": MODULAR,
    "WanAnimate2Transformer3DModel": MODULAR,
    "T5FilmDecoder": "its pipeline needs note_seq, which brings some forty packages along",
    "RFD4ProteinaTransformer": "its call takes no number of steps: the configuration has them",
    "SanaWMLTX2RefinerTransformer3DModel": "its call takes no number of steps, only their sigmas",
}
