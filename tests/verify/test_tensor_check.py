"""A cell is green only where a model was split and compared."""

from __future__ import annotations

import pytest

from cache_dit.verify import tensor_check, zoo
from cache_dit.verify.report import Report

ENTRY = zoo.get("FluxTransformer2DModel")


class Answering:
    """Stands in for ranks that all give one answer."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def run(self, *arguments: object) -> list[object]:
        return [self.answer, self.answer]


def _verified(monkeypatch: pytest.MonkeyPatch, *answers: object) -> Report:
    made = iter(answers)
    monkeypatch.setattr(tensor_check, "ranks", lambda size: Answering(next(made)))
    return tensor_check.verify_tensor_parallel(ENTRY, every_setting=True)


def test_a_model_that_was_never_split_is_not_green(monkeypatch: pytest.MonkeyPatch) -> None:
    report = _verified(monkeypatch, "heads=3", "heads=3")
    assert report.ok is False
    assert "Never split" in report.reason


def test_a_size_that_does_not_divide_is_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = tensor_check.Outcome(1e-16, (1, 1), ((1, 1), (1, 1)), (), 0.5)
    report = _verified(monkeypatch, outcome, "heads=2")
    assert report.ok
    assert [each.setting for each in report.findings] == ["tp 2"]
    assert report.details["tp 4"] == "heads=2"


def test_a_report_without_any_check_is_not_green() -> None:
    assert Report("model", "cp").ok is False
