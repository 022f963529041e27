"""How often `cache-dit new-model` is right by itself, over the whole zoo."""

from __future__ import annotations

import pytest

from benchmark_table import RESULTS
from cache_dit import BlockAdapterRegister
from cache_dit.verify import zoo
from new_model_share import (
    TARGETS,
    Outcome,
    hide,
    outcomes,
    quiet,
    restore,
    shares,
    stored,
    table,
)

MEASURED = stored(RESULTS / "new_model_share.json")


def test_what_was_measured_reaches_the_targets() -> None:
    found = shares(MEASURED)
    assert list(found) == list(TARGETS)
    for axis, (passed, count) in found.items():
        assert passed >= TARGETS[axis] * count, f"{axis}: {passed} of {count}"
    plain = {name for name in zoo.names() if "/" not in name}  # also those that are not installed
    assert {each.model for each in MEASURED} <= plain


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
@pytest.mark.filterwarnings("ignore")
def test_every_model_that_was_supported_unedited_still_is() -> None:
    quiet()
    axes: dict[str, list[str]] = {}
    for each in MEASURED:
        if not each.reason:
            axes.setdefault(each.model, []).append(each.axis)
    found = [each for name, own in axes.items() for each in outcomes(name, own)]
    assert [each for each in found if each.reason] == []


@pytest.mark.filterwarnings("ignore")
def test_a_model_is_judged_by_what_was_written_and_nothing_else() -> None:
    name = "DiTTransformer2DModel"
    hidden = hide(name)
    try:
        assert not BlockAdapterRegister.is_supported(name)
    finally:
        restore(name, hidden)
    assert BlockAdapterRegister.is_supported(name)


def test_shares_are_counted_by_axis() -> None:
    found = [
        Outcome("A", "cache", ""),
        Outcome("B", "cache", "off by 1"),
        Outcome("A", "cp", ""),
    ]
    assert shares(found) == {"cache": (1, 2), "cp": (1, 1)}
    assert table(found).row_count == 3
