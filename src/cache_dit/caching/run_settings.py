"""Settings as they hold for one run, whose length may be known or not."""

from __future__ import annotations

from dataclasses import replace

from ..logger import init_logger, warn_once
from .config import DBCacheConfig, Default
from .steps_mask import steps_mask

logger = init_logger(__name__)


class RunSettings:
    """Mask and default warm-up, fitted to the length of a run, and what one should know of that.

    Attributes:
        config: the settings in force.
        mask: 1 or 0 for each step, if there is a mask.
        total: length of the run, if it is known.
        notes: what about the settings and that length is worth saying; logged once.
    """

    def __init__(self, name: str, config: DBCacheConfig, total: int | None) -> None:
        self.name = name
        self.total = total
        self.notes: list[str] = []
        mask = config.steps_computation_mask
        if isinstance(mask, str):
            mask = [] if total is None else steps_mask(total_steps=total, mask_policy=mask)
        self.mask = None if mask is None else list(mask)
        warmup = config.max_warmup_steps
        if total is not None and isinstance(warmup, Default):
            warmup = min(warmup, max(1, total // 3))
        self.config = replace(config, max_warmup_steps=warmup)
        if warmup < config.max_warmup_steps:
            self._note(
                f"Default max_warmup_steps lowered from 8 to {warmup} for a run of {total} steps."
            )
        if total is not None and warmup >= total:
            self._note(
                f"A run of {total} steps is all warm-up (max_warmup_steps={warmup}): no step is "
                "reused. Lower max_warmup_steps."
            )
        if total is not None and self.mask is not None and len(self.mask) < total:
            self.note_mask_end()

    def note_mask_end(self) -> None:
        """The mask does not reach to the end of the run."""
        preset = self.config.steps_computation_mask
        if isinstance(preset, str) and not self.mask:
            self._note(
                f"steps_computation_mask={preset!r} needs the length of the run, which nothing "
                "tells here: every step is computed. Set num_inference_steps, or give the mask as "
                "a list."
            )
        elif self.mask is not None:
            self._note(
                f"steps_computation_mask has {len(self.mask)} entries; the steps beyond its end "
                "are computed."
            )

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)
            warn_once(logger, f"{self.name}: {text}")
