"""The cache is right on every model of the zoo, and the committed rows say what is so."""

from __future__ import annotations

from dataclasses import replace

import pytest

import cache_dit
from cache_dit.verify import axes, zoo
from cache_dit.verify.axes import AXES, verify_model
from tests.installed import verified

pytestmark = pytest.mark.filterwarnings("ignore")  # of models, about old names and dtypes

ROWS = {row["model"]: row for row in cache_dit.supported_matrix() if row["axis"] == "cache"}


@pytest.mark.parametrize("name", zoo.names())
def test_a_model_of_the_zoo_may_be_cached(name: str) -> None:
    report = verified(name)
    assert report.ok, report.reason
    assert report.details == ROWS[name]["details"], "run cache-dit verify --all --json (see docs)"


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", zoo.names())
def test_a_model_of_the_zoo_may_be_cached_under_every_setting(name: str) -> None:
    report = verified(name, every_setting=True)
    assert report.ok, report.reason


def test_there_is_a_row_for_each_model_and_no_other() -> None:
    assert list(ROWS) == zoo.names()


def test_a_class_that_diffusers_lacks_is_not_applicable(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = replace(zoo.get("DiTTransformer2DModel"), class_name="NoSuchTransformer")
    monkeypatch.setitem(zoo.ENTRIES, entry.name, entry)
    report = verify_model(entry.name)
    assert report.ok is None and "lacks this class" in report.reason


def test_a_model_without_an_adapter_fails_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(axes.BlockAdapterRegister, "get_adapter", _no_adapter)
    report = verify_model("DiTTransformer2DModel")
    assert report.ok is False
    assert report.as_row()["reason"] == "preparation: No block adapter for DiT."


def _no_adapter(model: object) -> None:
    raise ValueError("No block adapter for DiT.")


def test_an_unknown_axis_or_model_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"no axis .speed.\. Use one of cache"):
        verify_model("DiTTransformer2DModel", "speed")
    with pytest.raises(ValueError, match="no entry named 'NoSuchModel'"):
        verify_model("NoSuchModel")
    assert "cache" in AXES
