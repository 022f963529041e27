"""What the demo compares: the cache's settings, and fewer steps as their control."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    TaylorSeerCalibratorConfig,
    steps_mask,
)
from cache_dit.assignments import settings

PROMPTS = [
    "3d red apple on sky",
    "flat cat on mint",
    "3d panda on lilac",
    "flat hamburger on cream",
    "3d christmas tree on pink",
    "flat owl on white",
]


@dataclass(frozen=True)
class Setting:
    """One row of the comparison.

    Attributes:
        name: What the table calls it.
        steps: Denoising steps.
        options: Keyword arguments for `cache_dit.enable_cache`; None draws without a cache.
    """

    name: str
    steps: int
    options: dict[str, Any] | None = field(default=None, repr=False)


def standard_settings(steps: int) -> list[Setting]:
    """From careful to bold, the same for every run of the demo."""
    first_block: dict[str, Any] = {
        "Fn_compute_blocks": 1,
        "max_warmup_steps": min(4, max(1, steps // 4)),
    }
    taylor = TaylorSeerCalibratorConfig(taylorseer_order=1)

    def cached(name: str, calibrator: CalibratorConfig | None = None, **fields: Any) -> Setting:
        options: dict[str, Any] = {"cache_config": DBCacheConfig(**first_block, **fields)}
        if calibrator is not None:
            options["calibrator_config"] = calibrator
        return Setting(name, steps, options)

    return [
        cached("DBCache", residual_diff_threshold=0.08),
        cached("DBCache, bold", residual_diff_threshold=0.2),
        cached(
            "DBCache, bold + Taylor",
            taylor,
            residual_diff_threshold=0.2,
            max_continuous_cached_steps=3,
        ),
        cached(
            "Static mask + Taylor",
            taylor,
            steps_computation_mask=steps_mask(total_steps=steps, mask_policy="medium"),
            steps_computation_policy="static",
        ),
        cached(
            "Dynamic mask + Taylor",
            taylor,
            steps_computation_mask=steps_mask(total_steps=steps, mask_policy="fast"),
            residual_diff_threshold=0.1,
        ),
    ]


def own_setting(steps: int, config: Path | None, assignments: list[str]) -> Setting | None:
    """The setting that the user asks for, if any.

    Args:
        steps: Denoising steps.
        config: A YAML file of `cache_dit.load_configs`.
        assignments: "field=value" of its `cache_config`; they win over the file.

    Raises:
        ValueError: An unknown field, a value that does not fit, or no "=".
    """
    if config is None and not assignments:
        return None
    return Setting("Your setting", steps, settings(config, assignments))
