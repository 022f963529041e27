"""Settings of the calibrators, and the modifiers that give one block list settings of its own."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from .config import DBCacheConfig, Settings, is_count, is_number


@dataclass
class CalibratorConfig(Settings):
    """What stands in for skipped blocks: a prediction from the last few computed steps.

    Attributes:
        enable_calibrator: predict the denoised stream; otherwise its last snapshot is reused.
        enable_encoder_calibrator: predict the text stream; otherwise its last snapshot is reused.
        calibrator_type: ``"taylorseer"``, ``"foca"``, ``"dmd"`` or a registered name.
        calibrator_cache_type: predict the ``"residual"`` of the skipped blocks, or their output,
            ``"hidden_states"``.
        calibrator_kwargs: arguments of the predictor.
    """

    enable_calibrator: bool = False
    enable_encoder_calibrator: bool = False
    calibrator_type: str = "taylorseer"
    calibrator_cache_type: str = "residual"
    calibrator_kwargs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.validate()

    def validate(self) -> None:
        """Check every field that is set."""
        for name in ("enable_calibrator", "enable_encoder_calibrator"):
            self._require(name, lambda v: isinstance(v, bool), "True or False")
        legal = ("residual", "hidden_states")
        self._require("calibrator_cache_type", lambda v: v in legal, f"one of {list(legal)}")
        self._require("calibrator_type", lambda v: isinstance(v, str), "the name of a calibrator")
        self._require("calibrator_kwargs", lambda v: isinstance(v, dict), "a dictionary")

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments for the predictor of this type."""
        own = {f.metadata["argument"]: f.name for f in fields(self) if "argument" in f.metadata}
        chosen = {argument: getattr(self, name) for argument, name in own.items()}
        renamed = {name: argument for argument, name in own.items()}
        given = (self.calibrator_kwargs or {}).items()
        return chosen | {renamed.get(name, name): value for name, value in given}

    def strify(self) -> str:
        """A short tag, such as ``TaylorSeer_O1``; ``NONE`` where nothing is predicted."""
        predicts = self.enable_calibrator or self.enable_encoder_calibrator
        return self._tag() if predicts else "NONE"

    def _tag(self) -> str:
        arguments = "".join(f"_{k[0].upper()}{v}" for k, v in self.arguments().items())
        return f"{self.calibrator_type}{arguments}"


@dataclass
class TaylorSeerCalibratorConfig(CalibratorConfig):
    """TaylorSeer (arXiv:2503.06923): a polynomial through the last computed steps.

    Attributes:
        taylorseer_order: degree of the polynomial; one more snapshot is kept.
    """

    enable_calibrator: bool = True
    enable_encoder_calibrator: bool = True
    calibrator_type: str = "taylorseer"
    taylorseer_order: int = field(default=1, metadata={"argument": "order"})

    def validate(self) -> None:
        """Check every field that is set."""
        super().validate()
        self._require("taylorseer_order", is_count(0), "a whole number from 0 up")

    def _tag(self) -> str:
        return f"TaylorSeer_O{self.taylorseer_order}"


@dataclass
class FoCaCalibratorConfig(CalibratorConfig):
    """FoCa (arXiv:2508.16211): forecast with BDF2, calibrate with Heun's rule."""

    enable_calibrator: bool = True
    enable_encoder_calibrator: bool = True
    calibrator_type: str = "foca"

    def _tag(self) -> str:
        return "FoCa"


@dataclass
class DMDCalibratorConfig(CalibratorConfig):
    """Dynamic mode decomposition (Schmid 2010): the linear propagator of the last snapshots.

    Attributes:
        dmd_history: how many snapshots are kept, 4 or more.
        dmd_rank: most modes kept; 0 for as many as stand above the noise of the dtype.
        dmd_ridge: ridge on the Gram matrix, relative to its largest eigenvalue and the noise of the
            dtype.
    """

    enable_calibrator: bool = True
    enable_encoder_calibrator: bool = True
    calibrator_type: str = "dmd"
    dmd_history: int = field(default=6, metadata={"argument": "history"})
    dmd_rank: int = field(default=0, metadata={"argument": "rank"})
    dmd_ridge: float = field(default=1e-8, metadata={"argument": "ridge"})

    def validate(self) -> None:
        """Check every field that is set."""
        super().validate()
        self._require("dmd_history", is_count(4), "a whole number from 4 up")
        self._require("dmd_rank", is_count(0), "a whole number from 0 up")
        self._require("dmd_ridge", lambda v: is_number(v) and 0 <= v < inf, "a number from 0 up")

    def _tag(self) -> str:
        return f"DMD_H{self.dmd_history}R{self.dmd_rank}"


class ParamsModifier:
    """Settings for one block list: what it sets goes over the settings shared by all lists.

    ``ParamsModifier(cache_config=DBCacheConfig().reset(residual_diff_threshold=0.1))`` changes the
    threshold alone. Cache settings may be given as keyword arguments too (the old form).

    Raises:
        ValueError: a keyword that is no cache setting.
    """

    def __init__(
        self,
        cache_config: DBCacheConfig | None = None,
        calibrator_config: CalibratorConfig | None = None,
        **deprecated: Any,
    ) -> None:
        if deprecated:
            given = {name: value for name, value in deprecated.items() if value is not None}
            cache_config = (cache_config or DBCacheConfig().reset()).overlaid(**given)
        self.cache_config = cache_config
        self.calibrator_config = calibrator_config
