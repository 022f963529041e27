"""How often `cache-dit new-model` is right by itself, over the whole zoo."""

from __future__ import annotations

import pytest

from cache_dit import BlockAdapterRegister
from new_model_share import (
    TARGETS,
    Outcome,
    base_models,
    hide,
    outcomes,
    restore,
    shares,
    table,
)


@pytest.mark.nightly
@pytest.mark.timeout(4 * 3600)
@pytest.mark.filterwarnings("ignore")
def test_most_models_are_supported_unedited_over_ranks_too() -> None:
    found = [each for name in base_models() for each in outcomes(name, list(TARGETS))]
    for axis, (passed, count) in shares(found).items():
        failures = [f"{each.model}: {each.reason}" for each in found if each.reason]
        assert passed >= TARGETS[axis] * count, f"{axis}: {passed} of {count}. {failures}"


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
