"""`cache-dit verify`: its table, its file, its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cache_dit.cli import app
from cache_dit.verify import command, zoo
from cache_dit.verify.report import Finding, Report
from cache_dit.verify.rows import update_rows


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["verify", *arguments], env={"COLUMNS": "120"})
    return result.exit_code, " ".join(result.output.split())


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> dict[str, Report]:
    """Stands in for the verification: what is not in here passes."""
    made: dict[str, Report] = {}

    def verify_model(name: str, axis: str, every_setting: bool) -> Report:
        return made.get(name) or Report(name, axis, [Finding("reuse F1B0 hold", 1e-16)])

    monkeypatch.setattr(command, "verify_model", verify_model)
    return made


def test_a_model_is_verified_for_real(tmp_path: Path) -> None:
    code, output = run("PriorTransformer", "--json", str(tmp_path / "rows.json"))
    assert code == 0
    assert "2 of 2 verified" in output and "PriorTransformer/shap_e" in output
    assert "PriorTransformer: transformer_blocks (P3)" in output
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [row["model"] for row in rows] == ["PriorTransformer", "PriorTransformer/shap_e"]
    assert all(row["ok"] and row["max_rel_error"] < 1e-13 for row in rows)


def test_a_failure_is_shown_with_its_reason_and_the_exit_code(reports: dict[str, Report]) -> None:
    name = "FluxTransformer2DModel"
    reports[name] = Report(name, "cache", [Finding("reuse F1B0 hold", 0.5, "off by [0.5].")])
    code, output = run(name)
    assert code == 1
    assert f"✗ {name}: reuse F1B0 hold: off by [0.5]." in output
    assert "1 of 2 verified" in output


def test_what_does_not_apply_is_no_failure(reports: dict[str, Report]) -> None:
    name = "DiTTransformer2DModel"
    reports[name] = Report(name, "cache", not_applicable="It is not there.")
    code, output = run(name)
    assert code == 0 and f"- {name}: It is not there." in output
    assert "0 of 1 verified" in output


def test_all_models_or_some_but_not_both(reports: dict[str, Report]) -> None:
    assert run()[0] == 2
    assert run("DiTTransformer2DModel", "--all")[0] == 2
    code, output = run("--all")
    assert code == 0 and f"{len(zoo.names())} of {len(zoo.names())} verified" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["NoSuchModel"], "no entry named 'NoSuchModel'"),
        (["--all", "--axis", "speed"], "no axis 'speed'"),
    ],
)
def test_a_wrong_name_is_an_error(arguments: list[str], message: str) -> None:
    code, output = run(*arguments)
    assert code == 2 and message in output


def test_rows_take_the_place_of_their_own_and_leave_others(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    first, second = zoo.names()[:2]

    def row(model: str, axis: str, ok: bool) -> dict[str, object]:
        return {"model": model, "axis": axis, "ok": ok}

    mine = row("my/model.py", "cache", True)
    update_rows(path, [mine, row(second, "cache", True), row(first, "cp", True)])
    path.write_text(path.read_text().replace(first, "AModelThatHasGone"))
    update_rows(path, [row(second, "cache", False), row(first, "cache", True)])
    rows = [row(first, "cache", True), row(second, "cache", False), mine]
    assert json.loads(path.read_text()) == rows
