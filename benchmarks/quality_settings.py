"""What `quality.py` compares: settings by family, from careful to bold, each a call of the API."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    TaylorSeerCalibratorConfig,
    steps_mask,
)

PREDICTORS: dict[str, CalibratorConfig | None] = {
    "none": None,
    "TaylorSeer 1": TaylorSeerCalibratorConfig(taylorseer_order=1),
    "TaylorSeer 2": TaylorSeerCalibratorConfig(taylorseer_order=2),
    "FoCa": FoCaCalibratorConfig(),
    "DMD": DMDCalibratorConfig(),
}
TAYLOR, FOCA = "TaylorSeer 1", "FoCa"
FRONT = 1  # block that always runs, where nothing else is said: the cheapest
WARMUP = 4


@dataclass(frozen=True)
class Trial:
    """One setting.

    Attributes:
        family: what it belongs to.
        name: its settings in short: F and B blocks always run, W steps of warm-up, R threshold, at
            most MC reused steps in a row.
        predictor: a key of `PREDICTORS`.
        config: for `cache_dit.enable_cache`.
    """

    family: str
    name: str
    predictor: str
    config: DBCacheConfig

    @property
    def options(self) -> dict[str, Any]:
        """Keyword arguments of `cache_dit.enable_cache`."""
        calibrator = PREDICTORS[self.predictor]
        chosen: dict[str, Any] = {"cache_config": self.config}
        return chosen | ({"calibrator_config": calibrator} if calibrator else {})


def trials(steps: int) -> list[Trial]:
    """All settings for a run of so many steps."""
    return [*by_threshold(), *by_predictor(), *by_limit(), *by_mask(steps), *by_block()]


def by_threshold() -> Iterator[Trial]:
    """DBCache without a predictor: the defaults, the threshold, and which blocks always run."""
    yield Trial("DBCache", "the defaults", "none", DBCacheConfig())
    for threshold in (0.05, 0.08, 0.12, 0.2, 0.3):
        yield db_cache("none", threshold)
    for front, back in ((4, 0), (8, 0), (1, 2)):
        for threshold in (0.05, 0.12):
            yield db_cache("none", threshold, front, back)


def by_predictor() -> Iterator[Trial]:
    """DBCache with each predictor."""
    yield Trial("DBCache", "the defaults", TAYLOR, DBCacheConfig())
    for predictor in PREDICTORS:
        for threshold in (0.05, 0.08, 0.12, 0.2) if predictor != "none" else ():
            yield db_cache(predictor, threshold)


def by_limit() -> Iterator[Trial]:
    """DBCache with a limit of reused steps in a row, and with a longer or shorter warm-up."""
    for predictor in (TAYLOR, FOCA):
        for limit, threshold in ((2, 0.2), (3, 0.3), (4, 0.2)):
            yield db_cache(predictor, threshold, max_continuous_cached_steps=limit)
        for warmup, threshold in ((1, 0.05), (1, 0.08), (1, 0.12), (2, 0.12), (8, 0.12)):
            yield db_cache(predictor, threshold, max_warmup_steps=warmup)


def by_mask(steps: int) -> Iterator[Trial]:
    """Masks that decide alone, the presets and even ones, and masks that still ask the change."""
    masks = {policy: steps_mask(total_steps=steps, mask_policy=policy) for policy in PRESETS}
    masks["every 2nd step"] = even_mask(steps, 2)
    masks["every 3rd step"] = even_mask(steps, 3)
    for name, mask in masks.items():
        fields: dict[str, Any] = {"Fn_compute_blocks": FRONT, "max_warmup_steps": 0}
        fields["steps_computation_mask"] = mask
        static = DBCacheConfig(**fields, steps_computation_policy="static")
        for predictor in ("none", TAYLOR, FOCA):
            yield Trial("static mask", name, predictor, static)
        if name in PRESETS:
            dynamic = DBCacheConfig(**fields, residual_diff_threshold=0.2)
            yield Trial("dynamic mask", f"{name}, R0.2", TAYLOR, dynamic)


PRESETS = ("slow", "medium", "fast", "ultra")


def even_mask(steps: int, every: int) -> list[int]:
    """The warm-up, then every so many steps a computed one."""
    return steps_mask([WARMUP] + [1] * steps, [every - 1] * steps, steps)


def by_block() -> Iterator[Trial]:
    """DBPrune: every block for itself."""
    for predictor, thresholds in {
        "none": (0.05, 0.08, 0.12, 0.2),
        TAYLOR: (0.05, 0.08, 0.12),
        FOCA: (0.05, 0.12),
    }.items():
        for threshold in thresholds:
            config = DBPruneConfig(
                Fn_compute_blocks=FRONT,
                max_warmup_steps=WARMUP,
                residual_diff_threshold=threshold,
            )
            name = f"F{FRONT} W{WARMUP} R{threshold:g}"
            yield Trial("DBPrune", name, predictor, config)


def few_steps() -> Iterator[Trial]:
    """For a run of few steps: a short warm-up."""
    for predictor in ("none", TAYLOR, FOCA):
        for threshold in (0.1, 0.15, 0.2, 0.3):
            yield db_cache(predictor, threshold, max_warmup_steps=1)


def db_cache(
    predictor: str, threshold: float, front: int = FRONT, back: int = 0, **fields: Any
) -> Trial:
    """DBCache; the name has what was chosen."""
    config = DBCacheConfig(
        Fn_compute_blocks=front,
        Bn_compute_blocks=back,
        residual_diff_threshold=threshold,
        **{"max_warmup_steps": WARMUP, **fields},
    )
    limit = fields.get("max_continuous_cached_steps")
    name = f"F{front}B{back} W{config.max_warmup_steps} R{threshold:g}"
    return Trial("DBCache", f"{name} MC{limit}" if limit else name, predictor, config)
