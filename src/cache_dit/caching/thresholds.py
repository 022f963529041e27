"""The threshold that a change is compared with: fixed, or following what was measured."""

from __future__ import annotations

from collections import defaultdict

from .config import DBCacheConfig, DBPruneConfig


class Threshold:
    """The same threshold at every step."""

    def __init__(self, config: DBCacheConfig) -> None:
        self.config = config

    def at(self, branch: str, step: int) -> float:
        """The threshold at this step."""
        return self.config.residual_diff_threshold

    def note(self, branch: str, step: int, change: float) -> None:
        """A change was measured."""

    def begin_run(self) -> None:
        """Forget the last run."""


class DynamicThreshold(Threshold):
    """Follows the mean change of all blocks at the step before, within bounds.

    One object serves all blocks of a DBPrune: where everything moves more, more is let pass.
    """

    config: DBPruneConfig

    def __init__(self, config: DBPruneConfig) -> None:
        super().__init__(config)
        self._changes: dict[str, dict[int, list[float]]] = defaultdict(dict)

    def at(self, branch: str, step: int) -> float:
        """The relaxed mean of the step before, from the fixed threshold up to the ceiling."""
        fixed = self.config.residual_diff_threshold
        before = self._changes[branch].get(step - 1)
        if not before:
            return fixed
        ceiling = self.config.max_dynamic_prune_threshold or 2 * fixed
        relaxed = self.config.dynamic_prune_threshold_relax_ratio * sum(before) / len(before)
        return min(max(fixed, relaxed), max(fixed, ceiling))

    def note(self, branch: str, step: int, change: float) -> None:
        """A change was measured; only the last two steps are remembered."""
        steps = self._changes[branch]
        steps.setdefault(step, []).append(change)
        for old in [known for known in steps if known not in (step, step - 1)]:
            del steps[old]

    def begin_run(self) -> None:
        """Forget the last run."""
        self._changes.clear()
