"""Settings of the cache: dataclasses that say what is wrong with a value, and how they merge."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from .steps_mask import PRESETS

if TYPE_CHECKING:
    from typing_extensions import Self


class CacheType(Enum):
    """Which blocks a decision is about."""

    NONE = "NONE"
    DBCache = "DBCache"
    DBPrune = "DBPrune"


NONE = CacheType.NONE
DBCache = CacheType.DBCache
DBPrune = CacheType.DBPrune


def cache_type(name: str | CacheType) -> CacheType:
    """The `CacheType` of that name.

    Raises:
        ValueError: there is none.
    """
    try:
        return CacheType(name)
    except ValueError:
        raise ValueError(
            f"Unknown cache type {name!r}. Use one of {[t.value for t in CacheType]}."
        ) from None


def block_range(start: int, end: int | None = None, step: int = 1) -> list[int]:
    """Block ids as a list, for ``non_prune_block_ids``."""
    return list(range(start) if end is None else range(start, end, step))


class Default(int):
    """A number nobody chose: it may be lowered where a short run or a small model needs it."""


class Settings:
    """Fields that can be updated, emptied and merged.

    `reset` makes a *partial* configuration: a field that is then None means "keep the shared
    value", unless it was set to None explicitly.
    """

    _explicit: frozenset[str] | None = None  # None: every field counts

    def update(self, **kwargs: Any) -> Self:
        """Set the given fields; None leaves a field as it is. Unknown names are an error."""
        given = {name: value for name, value in kwargs.items() if value is not None}
        vars(self).update(vars(self.overlaid(**given)))
        return self

    def reset(self, **kwargs: Any) -> Self:
        """Set every field to None, then the given ones."""
        emptied = copy(self)
        vars(emptied).update(dict.fromkeys(self.names()), _explicit=frozenset())
        vars(self).update(vars(emptied.overlaid(**kwargs)))
        return self

    empty = reset

    def as_dict(self) -> dict[str, Any]:
        """Field names and values."""
        return {name: getattr(self, name) for name in self.names()}

    @classmethod
    def names(cls) -> list[str]:
        """Names of the fields."""
        return [f.name for f in fields(cls)]  # type: ignore[arg-type]

    def merged(self, other: Settings | None, *, clear: bool = False) -> Self:
        """A copy of these settings with the fields that ``other`` speaks about.

        With ``clear`` an explicit None of ``other`` is taken over where None is a legal value.

        Raises:
            ValueError: values that are illegal, or do not go together.
        """
        kind: type[Any] = type(self)
        if other is not None and (other._explicit is None or isinstance(other, kind)):
            kind = type(other)
        made = kind()
        values = self.as_dict()
        for name, value in (other.as_dict() if other else {}).items():
            explicit = other is None or other._explicit is None or name in other._explicit
            if value is not None or (clear and explicit and getattr(made, name, 0) is None):
                values[name] = value
        for name in made.names():
            if name in values:
                setattr(made, name, values[name])
        object.__setattr__(made, "_explicit", None)
        made.validate()
        return made  # type: ignore[no-any-return]

    def overlaid(self, **kwargs: Any) -> Self:
        """A copy with some fields set; what was unset stays unset."""
        self._check_names(kwargs)
        made = copy(self)
        for name, value in kwargs.items():
            setattr(made, name, value)
        made.validate()
        return made

    def validate(self) -> None:
        """Raise `ValueError` naming field, value and range; None is always legal here."""

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if self._explicit is not None and name in self.names():
            object.__setattr__(self, "_explicit", self._explicit | {name})

    def _check_names(self, names: dict[str, Any]) -> None:
        if unknown := sorted(set(names) - set(self.names())):
            raise ValueError(
                f"{type(self).__name__} has no field {', '.join(unknown)}. "
                f"Its fields: {', '.join(self.names())}."
            )

    def _require(self, name: str, legal: Callable[[Any], bool], expected: str) -> None:
        value = getattr(self, name)
        if value is None:
            return
        try:
            fits = legal(value)
        except TypeError:
            fits = False
        if not fits:
            raise ValueError(f"{type(self).__name__}: {name}={value!r}; expected {expected}.")


def is_count(least: int) -> Callable[[Any], bool]:
    """A test for whole numbers from ``least`` up."""
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= least


def is_number(v: Any) -> bool:
    """Whether it is a number, and not NaN."""
    return isinstance(v, (int, float)) and not isinstance(v, bool) and not math.isnan(v)


def _is_flag(v: Any) -> bool:
    return isinstance(v, bool)


def _is_mask(v: Any) -> bool:
    if isinstance(v, str):
        return v in PRESETS
    return isinstance(v, (list, tuple)) and len(v) > 0 and all(s in (0, 1) for s in v)


@dataclass
class DBCacheConfig(Settings):
    """Dual block cache: the first ``Fn_compute_blocks`` blocks always run, and where their residual
    has hardly changed since the last computed step, all others but the last ``Bn_compute_blocks``
    are stood in for by their residual at that step (or what a calibrator makes of the last few).

    Attributes:
        Fn_compute_blocks: how many blocks at the front always run. The default is lowered for a
            model with few blocks.
        Bn_compute_blocks: how many blocks at the end always run, on top of the reused residual.
        residual_diff_threshold: reuse while mean|now - before| / mean|before| of the front blocks'
            residual is below it. At most 0 never reuses; 1 or more always does.
        max_accumulated_residual_diff_threshold: compute when the change summed since the last
            computed step reaches it.
        max_warmup_steps: the first steps of a run, which always compute. The default is lowered for
            a run of few steps.
        warmup_interval: within warm-up only every so many steps must compute.
        max_cached_steps: most reused steps in a run; -1 for no limit.
        max_continuous_cached_steps: most reused steps in a row; -1 for no limit.
        enable_separate_cfg: whether conditional and unconditional are separate calls; None asks the
            adapter. Only needed where the pipeline does not name its calls.
        cfg_compute_first: whether the unconditional call comes first, where only order can tell.
        cfg_diff_compute_separate: False lets the unconditional call follow the conditional call's
            decision.
        num_inference_steps: length of a run, where no pipeline tells it.
        steps_computation_mask: 1 (compute) or 0 (may reuse) for each step, or a preset's name.
        steps_computation_policy: at a 0: "dynamic" asks the residual, "static" reuses at once.
        force_refresh_step_hint: start afresh before this step of the run (counted from 0).
        force_refresh_step_policy: "once", or "repeat" for every so many steps.

    Raises:
        ValueError: a value out of its range, naming field, value and range.
    """

    Fn_compute_blocks: int = Default(8)
    Bn_compute_blocks: int = 0
    residual_diff_threshold: float = 0.08
    max_accumulated_residual_diff_threshold: float | None = None
    max_warmup_steps: int = Default(8)
    warmup_interval: int = 1
    max_cached_steps: int = -1
    max_continuous_cached_steps: int = -1
    enable_separate_cfg: bool | None = None
    cfg_compute_first: bool = False
    cfg_diff_compute_separate: bool = True
    num_inference_steps: int | None = None
    steps_computation_mask: list[int] | str | None = None
    steps_computation_policy: str = "dynamic"
    force_refresh_step_hint: int | None = None
    force_refresh_step_policy: str = "once"

    cache_type = CacheType.DBCache

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check every field that is set."""
        require = self._require
        require("Fn_compute_blocks", is_count(1), "a whole number from 1 up")
        require("Bn_compute_blocks", is_count(0), "a whole number from 0 up")
        require("residual_diff_threshold", is_number, "a number, and not NaN")
        name = "max_accumulated_residual_diff_threshold"
        require(name, lambda v: is_number(v) and v > 0, "a number above 0, or None")
        require("max_warmup_steps", is_count(0), "a whole number from 0 up")
        require("warmup_interval", is_count(1), "a whole number from 1 up")
        for name in ("max_cached_steps", "max_continuous_cached_steps"):
            require(name, is_count(-1), "a whole number from 0 up, or -1 for no limit")
        for name in ("enable_separate_cfg", "cfg_compute_first", "cfg_diff_compute_separate"):
            require(name, _is_flag, "True or False")
        require("num_inference_steps", is_count(1), "a whole number from 1 up")
        masks = f"a non-empty list of 0 and 1, or one of {list(PRESETS)}"
        require("steps_computation_mask", _is_mask, masks)
        require("steps_computation_policy", lambda v: isinstance(v, str), "'dynamic' or 'static'")
        require("force_refresh_step_hint", is_count(1), "a whole number from 1 up")
        policies = ("once", "repeat")
        require("force_refresh_step_policy", lambda v: v in policies, "'once' or 'repeat'")
        if self.cfg_compute_first and self.cfg_diff_compute_separate is False:
            raise ValueError(
                f"{type(self).__name__}: cfg_compute_first=True with "
                "cfg_diff_compute_separate=False; the unconditional call cannot follow a decision "
                "that is taken after it. Change one of them."
            )

    def strify(self) -> str:
        """A short tag, such as ``DBCache_F8B0_W8I1M0MC0_R0.08``."""

        def limit(value: int | None) -> int:
            return max(0, value or 0)

        return (
            f"{self.cache_type.value}_F{self.Fn_compute_blocks}B{self.Bn_compute_blocks}"
            f"_W{self.max_warmup_steps}I{self.warmup_interval}"
            f"M{limit(self.max_cached_steps)}MC{limit(self.max_continuous_cached_steps)}"
            f"_R{self.residual_diff_threshold}"
        )


BasicCacheConfig = DBCacheConfig


@dataclass
class DBPruneConfig(DBCacheConfig):
    """Dual block prune: each block decides on its own, by how much its input has changed since it
    last ran, whether its residual is reused.

    Attributes:
        enable_dynamic_prune_threshold: raise the threshold to the mean change that was measured at
            the step before, times the relax ratio, up to ``max_dynamic_prune_threshold``.
        max_dynamic_prune_threshold: ceiling of the dynamic threshold; None for twice the threshold.
        dynamic_prune_threshold_relax_ratio: how far above the mean change the threshold is put.
        non_prune_block_ids: blocks that always run.
        force_reduce_calibrator_vram: keep one snapshot a block, whatever the calibrator asks for.
    """

    enable_dynamic_prune_threshold: bool = False
    max_dynamic_prune_threshold: float | None = None
    dynamic_prune_threshold_relax_ratio: float = 1.25
    non_prune_block_ids: list[int] = field(default_factory=list)
    force_reduce_calibrator_vram: bool = False

    cache_type = CacheType.DBPrune

    def validate(self) -> None:
        """Check every field that is set."""
        super().validate()
        require = self._require
        for name in ("enable_dynamic_prune_threshold", "force_reduce_calibrator_vram"):
            require(name, _is_flag, "True or False")
        positive = ("max_dynamic_prune_threshold", "dynamic_prune_threshold_relax_ratio")
        for name in positive:
            require(name, lambda v: is_number(v) and v > 0, "a number above 0")
        require("non_prune_block_ids", lambda v: all(map(is_count(0), v)), "a list of block ids")
