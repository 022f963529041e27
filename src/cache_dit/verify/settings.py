"""The settings of the cache under which a model is verified, and what each of them implies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
)
from cache_dit.caching.block_adapters.block_lists import BlockList
from cache_dit.verify.chain import Chain

ONE: tuple[None, ...] = (None,)
BY_ORDER: tuple[None, ...] = (None, None)
NAMED = ("cond", "uncond")

SNAPSHOTS = {"hold": 1, "Taylor 1": 2, "Taylor 2": 3, "FoCa": 3, "DMD": 4}
"""Predictor -> how many computed steps it takes until all of it is at work."""


@dataclass(frozen=True)
class Setting:
    """One setting of the cache.

    Attributes:
        front: blocks at the start of a chain that always run; a shorter chain runs as a whole.
        behind: blocks at its end that always run, as far as the front leaves any.
        predictor: a key of `SNAPSHOTS`.
        cache_type: what is stored, ``"residual"`` or ``"hidden_states"``.
        prunes: decide for each block (DBPrune), not for all together (DBCache).
        measured: where the mask says that a step may be reused, ask how much has changed.
        branches: the calls of one step: their names in ``cache_context``, or None for no name.
    """

    front: int
    behind: int
    predictor: str = "hold"
    cache_type: str = "residual"
    prunes: bool = False
    measured: bool = False
    branches: tuple[str | None, ...] = ONE

    def __str__(self) -> str:
        """As it reads in a report: ``"F1B0 Taylor 2 hidden_states, named branches"``."""
        words = ["prune"] * self.prunes + [f"F{self.front}B{self.behind}", self.predictor]
        words += ["hidden_states"] * (self.cache_type != "residual") + ["measured"] * self.measured
        branches = {ONE: "", BY_ORDER: ", branches by order", NAMED: ", named branches"}
        return " ".join(words) + branches[self.branches]

    @property
    def mask(self) -> list[int]:
        """1 for each step that computes, 0 for each that is to be reused."""
        return [1] * SNAPSHOTS[self.predictor] + [0, 1, 0]

    def skippable(self, size: int) -> range:
        """Indices of the blocks that a reused step skips, in a chain of ``size`` blocks."""
        front = min(self.front, size)
        return range(front, max(front, size - self.behind))

    def fits(self, size: int) -> bool:
        """Whether a chain whose loop merges early blocks before late ones may be run like this."""
        return self.prunes or self.behind <= self.front or not self.skippable(size)

    def arguments(self, chains: Sequence[Chain], lists: Sequence[BlockList]) -> dict[str, Any]:
        """Keyword arguments of `enable_cache`, for all block lists of a model and their chains."""
        modifiers: dict[str, ParamsModifier] = {}
        for chain in chains:
            skippable = self.skippable(len(chain))
            own = DBCacheConfig().reset(
                Fn_compute_blocks=skippable.start, Bn_compute_blocks=len(chain) - skippable.stop
            )
            modifiers |= {each.name: ParamsModifier(cache_config=own) for each in chain.lists}
        return {
            "cache_config": self._cache_config(),
            "calibrator_config": self._calibrator_config(),
            "params_modifiers": [modifiers[each.name] for each in lists],
        }

    def _cache_config(self) -> DBCacheConfig:
        kind = DBPruneConfig if self.prunes else DBCacheConfig
        return kind(
            residual_diff_threshold=0.05,
            max_warmup_steps=1,
            num_inference_steps=len(self.mask),
            steps_computation_mask=self.mask,
            steps_computation_policy="dynamic" if self.measured else "static",
            enable_separate_cfg=self.branches == BY_ORDER,
        )

    def _calibrator_config(self) -> CalibratorConfig:
        kind: dict[str, CalibratorConfig] = {
            "hold": CalibratorConfig(),
            "Taylor 1": TaylorSeerCalibratorConfig(taylorseer_order=1),
            "Taylor 2": TaylorSeerCalibratorConfig(taylorseer_order=2),
            "FoCa": FoCaCalibratorConfig(),
            "DMD": DMDCalibratorConfig(),
        }
        return kind[self.predictor].update(calibrator_cache_type=self.cache_type)


def telling_settings(chains: Sequence[Chain], named: bool) -> list[Setting]:
    """A few settings that leave out nothing: every predictor, every kind of branch, regions that
    begin or end before, at and behind the border between two lists, and fronts that end with a
    block that the model leaves out.

    Args:
        chains: the blocks of the model.
        named: whether the model's calls can be named by ``cache_context``.
    """
    longest = max(chains, key=lambda chain: (len(chain.lists), len(chain)))
    size, border = max(map(len, chains)), longest.border
    half = max(1, size // 2)
    settings = [
        Setting(1, 0, measured=True),
        Setting(border, 1, "Taylor 1"),
        Setting(max(1, border - 1), 2, "Taylor 2", "hidden_states"),
        Setting(2, 1, "FoCa"),
        Setting(border + 1, 0, "DMD"),
        Setting(half, size - 1 - half),
        Setting(1, half),  # the tail has blocks whose mirror images in the front half are skipped
        Setting(1, size - 1),
        Setting(1, 0, prunes=True, measured=True),
        Setting(2, 1, "Taylor 1", prunes=True),
        Setting(1, 0, branches=BY_ORDER),
        Setting(1, 1, "Taylor 1", branches=NAMED),
        *(Setting(min(c.idle) + 1, 0, measured=True) for c in chains if 0 < len(c.idle) < len(c)),
    ]
    return _distinct(each for each in settings if named or each.branches != NAMED)


def every_setting(chains: Sequence[Chain], named: bool) -> list[Setting]:
    """All fronts and tails with all predictors, what they store, and all kinds of branches."""
    size = max(map(len, chains))
    spans = [Setting(f, b) for f in range(1, size + 1) for b in range(size - f + 1)]
    stores = ("residual", "hidden_states")
    branches = (BY_ORDER, NAMED) if named else (BY_ORDER,)
    return _distinct(
        [
            *telling_settings(chains, named),
            *(
                replace(span, predictor=predictor, cache_type=store)
                for span, predictor, store in product(spans, SNAPSHOTS, stores)
            ),
            *(replace(span, measured=True, branches=b) for span, b in product(spans, branches)),
            *(replace(span, prunes=True, predictor=p) for span, p in product(spans, SNAPSHOTS)),
        ]
    )


def _distinct(settings: Sequence[Setting] | Iterator[Setting]) -> list[Setting]:
    return list(dict.fromkeys(settings))
