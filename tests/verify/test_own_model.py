"""A model of one's own is verified by the name of its file, on every axis."""

from __future__ import annotations

import inspect
import pickle
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cache_dit.cli import app
from cache_dit.verify import zoo
from cache_dit.verify.axes import verify_model

MODEL = str(Path(__file__).parents[2] / "examples" / "custom_model.py")


def test_the_cache_of_the_example_is_verified_from_the_command_line() -> None:
    result = CliRunner().invoke(app, ["verify", MODEL], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    assert "1 of 1 verified" in result.output and "blocks (P0)" in result.output


@pytest.mark.parametrize("axis", ["cp", "tp"])
def test_its_parallelism_is_verified_over_two_ranks(axis: str) -> None:
    report = verify_model(MODEL, axis)
    assert report.ok, str(report)


def test_its_weights_leave_nothing_without_effect() -> None:
    model = zoo.get(MODEL).build()
    assert all(parameter.abs().max() > 0 for parameter in model.parameters())


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no such file"):
        zoo.get("no_such_file.py")
    with pytest.raises(ValueError, match=r"No module named 'no_such'"):
        zoo.get("no_such.module")
    half = tmp_path / "half_a_model.py"
    half.write_text("def make_model(): ...\n")
    with pytest.raises(ValueError, match=r"has no make_inputs"):
        zoo.get(str(half))


@pytest.fixture
def one_and_other(tmp_path: Path) -> list[str]:
    """Two folders with the files of the example, and a model of another name in each."""
    files = []
    for name in ("One", "Other"):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("small_dit.py", "custom_model.py"):
            code = (Path(MODEL).parent / file).read_text(encoding="utf-8")
            (folder / file).write_text(code.replace("SmallDiT", f"{name}DiT"), encoding="utf-8")
        files.append(str(folder / "custom_model.py"))
    return files


def test_files_of_one_name_are_used_side_by_side(one_and_other: list[str]) -> None:
    """And so are those of one name that they import."""
    one, other = one_and_other
    for file, name in [(one, "OneDiT"), (other, "OtherDiT"), (MODEL, "SmallDiT"), (one, "OneDiT")]:
        entry = zoo.get(file)
        assert entry.class_name == name
        model = entry.build()
        assert type(pickle.loads(pickle.dumps(model))) is type(model)
        assert inspect.getfile(type(model)) == str(Path(file).with_name("small_dit.py"))
    assert zoo.get(other) == zoo.get(other)  # it is not executed again


@pytest.mark.slow
def test_files_of_one_name_are_verified_over_the_same_ranks(one_and_other: list[str]) -> None:
    for file in one_and_other:
        report = verify_model(file, "cp")
        assert report.ok, str(report)


def test_a_file_is_not_taken_for_another_module_of_its_name(tmp_path: Path) -> None:
    file = tmp_path / "random.py"
    file.write_text("def make_model(): ...\n")
    with pytest.raises(ValueError, match=r"another module is called 'random'"):
        zoo.get(str(file))
