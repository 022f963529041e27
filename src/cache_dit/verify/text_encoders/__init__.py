"""Tiny text encoders with random weights: every class that a diffusion transformer's pipeline uses.

``get("T5EncoderModel")`` gives an entry; ``entry.build()`` the model, and ``entry.inputs("left")``
a batch of prompts, the shorter one padded on the left.
"""

from __future__ import annotations

from cache_dit.verify.text_encoders import language, others, vision_language
from cache_dit.verify.text_encoders.entry import TextEncoderEntry

__all__ = ["ENTRIES", "TextEncoderEntry"]

FAMILIES = (others, language, vision_language)
ENTRIES = {entry.name: entry for family in FAMILIES for entry in family.ENTRIES}
