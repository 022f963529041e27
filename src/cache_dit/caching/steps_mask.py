"""Which steps must compute: masks of 1 (compute) and 0 (may reuse)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, zip_longest

PRESETS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {  # compute runs, reuse runs
    "slow": ((8, 3, 3, 2, 1, 1), (1, 2, 2, 2, 3)),
    "medium": ((6, 2, 2, 2, 2, 1), (1, 3, 3, 3, 3)),
    "fast": ((6, 1, 1, 1, 1, 1), (1, 3, 4, 5, 4)),
    "ultra": ((4, 1, 1, 1, 1), (2, 5, 6, 7)),
}


def steps_mask(
    compute_bins: Sequence[int] | None = None,
    cache_bins: Sequence[int] | None = None,
    total_steps: int | None = None,
    mask_policy: str = "medium",
) -> list[int]:
    """The mask of a run: compute and reuse runs in turn, beginning with compute.

    Args:
        compute_bins: lengths of the runs of computed steps. Together with ``cache_bins`` they say
            the whole mask; if ``total_steps`` is given too, the mask is cut to it.
        cache_bins: lengths of the runs of steps that may reuse, as many as ``compute_bins`` or one
            fewer.
        total_steps: length of the run; required for a preset.
        mask_policy: preset ``"slow"``, ``"medium"``, ``"fast"`` or ``"ultra"``, laid out for 28
            steps and scaled to other lengths. Ignored when bins are given.

    Raises:
        ValueError: bins that do not alternate, are not positive or do not cover ``total_steps``;
            an unknown preset; a preset without ``total_steps``; ``total_steps`` below 1.
    """
    if total_steps is not None:
        _check_count("total_steps", total_steps)
    if compute_bins is None and cache_bins is None:
        return _preset(mask_policy, total_steps)
    if compute_bins is None or cache_bins is None:
        raise ValueError("steps_mask: give compute_bins and cache_bins together, or neither.")
    for name, bins in (("compute_bins", compute_bins), ("cache_bins", cache_bins)):
        if not isinstance(bins, Sequence):
            raise ValueError(f"steps_mask: {name}={bins!r}; expected a list of whole numbers.")
        for length in bins:
            _check_count(name, length)
    if len(compute_bins) - len(cache_bins) not in (0, 1):
        raise ValueError(
            f"steps_mask: {len(compute_bins)} compute_bins and {len(cache_bins)} cache_bins cannot "
            "alternate. Give as many cache_bins as compute_bins, or one fewer."
        )
    mask = _alternate(compute_bins, cache_bins)
    if total_steps is not None and len(mask) < total_steps:
        raise ValueError(
            f"steps_mask: the bins cover {len(mask)} of total_steps={total_steps}. Lengthen them."
        )
    return mask[:total_steps]


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"steps_mask: {name} holds {value!r}; expected whole numbers from 1 up.")


def _alternate(compute: Sequence[int], cache: Sequence[int]) -> list[int]:
    mask: list[int] = []
    for computed, reused in zip_longest(compute, cache, fillvalue=0):
        mask += [1] * computed + [0] * reused
    return mask


def _preset(name: str, total_steps: int | None) -> list[int]:
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"steps_mask: unknown mask_policy {name!r}. Use one of {list(PRESETS)}.")
    if total_steps is None:
        raise ValueError(f"steps_mask: the preset {name!r} needs total_steps.")
    mask = _alternate(*PRESETS[name])
    done = list(accumulate(mask, initial=0))

    def computed_before(step: int) -> int:
        # As many as the 28-step mask computes in the same fraction of its run, rounded up.
        whole, rest = divmod(step * len(mask), total_steps)
        scaled = done[whole] * total_steps + (mask[whole] * rest if rest else 0)
        return -(-scaled // len(mask))

    return [computed_before(step + 1) - computed_before(step) for step in range(total_steps)]
