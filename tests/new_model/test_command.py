"""`cache-dit new-model` writes what proves itself, and says what it needs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from cache_dit.cli import app
from cache_dit.new_model.command import proofs
from cache_dit.new_model.target import Target
from cache_dit.verify.axes import verify_model

PECULIAR = Path(__file__).with_name("peculiar_dit.py")
BROOK = Path(__file__).with_name("brook_dit.py")
LAKE = Path(__file__).with_name("lake_dit.py")


def new_model(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["new-model", *arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.parametrize(
    ("model", "name"),
    [
        pytest.param(PECULIAR, "peculiar_dit", marks=pytest.mark.slow),
        pytest.param(LAKE, "lake_dit", marks=[pytest.mark.nightly, pytest.mark.timeout(1800)]),
    ],
    ids=["peculiar", "lake"],
)
def test_an_unknown_model_is_supported_on_three_axes_over_ranks_too(
    model: Path, name: str, tmp_path: Path
) -> None:
    scratch = tmp_path / f"scratch_{name}.py"
    shutil.copy(model, scratch)
    target = f"{scratch}:{'LakeDiT' if model is LAKE else 'PeculiarDiT'}"
    code, output = new_model(target)
    assert code == 0, output
    assert "Prove it" in output
    assert output.count("To look at") == output.count("To look at, cache:")  # plans: no doubt
    for axis in ("cache", "cp", "tp"):
        report = verify_model(str(tmp_path / f"{name}_support.py"), axis)
        assert report.ok, str(report)
    test = (tmp_path / f"test_{name}.py").read_text()
    assert '["cache", "cp", "tp"]' in test
    code, output = new_model(target)
    assert code == 2 and "is there already" in output


@pytest.mark.slow
def test_a_loop_that_mixes_one_stream_into_the_other_needs_no_editing(tmp_path: Path) -> None:
    shutil.copy(BROOK, tmp_path / "taken_dit.py")
    code, output = new_model(f"{tmp_path / 'taken_dit.py'}:BrookDiT")
    assert code == 0 and output.count("To look at") == 1, output
    report = verify_model(str(tmp_path / "brook_dit_support.py"), "cp")
    assert report.ok, str(report)


def test_what_is_written_elsewhere_finds_the_file_that_it_imports(tmp_path: Path) -> None:
    found = Target("Dit", "mine/dit.py", torch.nn.Identity(), {}, {}, "", Path("mine"))
    assert proofs(found, Path("mine/dit_support.py"), ["cache"]) == [
        "cache-dit verify mine/dit_support.py"
    ]
    assert proofs(found, tmp_path / "dit_support.py", ["cache", "cp"]) == [
        f"PYTHONPATH=mine cache-dit verify {tmp_path}/dit_support.py",
        f"PYTHONPATH=mine cache-dit verify {tmp_path}/dit_support.py --axis cp",
    ]


def test_what_has_to_be_written_has_the_widths_that_the_model_shows(tmp_path: Path) -> None:
    half = tmp_path / "half_dit.py"
    half.write_text(BROOK.read_text().partition("def make_inputs")[0])
    code, output = new_model(f"{half}:BrookDiT")
    assert code == 2 and "has no make_inputs. Write" in output
    template = output.partition("Write in it:")[2]
    half.write_text(half.read_text() + "\n\n" + template)
    names: dict[str, Any] = {}
    exec(half.read_text(), names)
    out = names["make_model"]()(**names["make_inputs"](0, 0))
    assert out.shape == (2, 15, 8)


def test_inputs_that_the_model_refuses_are_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong_dit.py"
    wrong.write_text(BROOK.read_text().replace("randn(2, 15, 8,", "randn(2, 15, 64,"))
    code, output = new_model(f"{wrong}:BrookDiT")
    said = "make_inputs: BrookDiT refused the inputs: mat1 and mat2 shapes cannot be multiplied"
    assert code == 2 and said in output and len(output.splitlines()) == 1
    assert "(raised in BrookDiT.embed, line " in output
    for axis in ("cache", "cp"):
        assert said in verify_model(str(wrong), axis).reason


def test_inputs_that_cannot_be_made_are_one_line(tmp_path: Path) -> None:
    wrong = tmp_path / "unmade_dit.py"
    wrong.write_text(BROOK.read_text().replace('"t": torch', '"t": torhc'))
    code, output = new_model(f"{wrong}:BrookDiT")
    assert code == 2 and "make_inputs(0, 0): NameError: name 'torhc' is not defined" in output


def test_what_has_to_be_written_is_shown(tmp_path: Path) -> None:
    half = tmp_path / "bare_dit.py"
    half.write_text(PECULIAR.read_text().partition("def make_model")[0])
    code, output = new_model(f"{half}:PeculiarDiT")
    assert code == 2
    assert "has no make_model and no make_inputs" in output
    assert '"noisy": sample' in output and '"time": torch.full' in output
    assert list(tmp_path.iterdir()) == [half] or not (tmp_path / "peculiar_dit_support.py").exists()


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_file.py:Model", "there is no such file"),
        ("FluxTransformer", "no entry named 'FluxTransformer'"),
        (f"{PECULIAR}:Nobody", "has no class Nobody"),
    ],
)
def test_a_wrong_target_is_explained(target: str, message: str) -> None:
    code, output = new_model(target)
    assert code == 2 and message in output
