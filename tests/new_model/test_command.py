"""`cache-dit new-model` writes what proves itself, and says what it needs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cache_dit.cli import app
from cache_dit.verify.axes import verify_model

PECULIAR = Path(__file__).with_name("peculiar_dit.py")


def new_model(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["new-model", *arguments], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.mark.slow
def test_an_unknown_model_is_supported_on_three_axes_over_ranks_too(tmp_path: Path) -> None:
    shutil.copy(PECULIAR, tmp_path / "scratch_dit.py")
    code, output = new_model(f"{tmp_path / 'scratch_dit.py'}:PeculiarDiT")
    assert code == 0, output
    assert "joint_layers" in output and "Pattern_1" in output and "To look at" not in output
    support = tmp_path / "peculiar_dit_support.py"
    for axis in ("cache", "cp", "tp"):
        report = verify_model(str(support), axis)
        assert report.ok, str(report)
    test = (tmp_path / "test_peculiar_dit.py").read_text()
    assert '["cache", "cp", "tp"]' in test
    code, output = new_model(f"{tmp_path / 'scratch_dit.py'}:PeculiarDiT")
    assert code == 2 and "is there already" in output


def test_what_has_to_be_written_is_shown(tmp_path: Path) -> None:
    half = tmp_path / "bare_dit.py"
    half.write_text(PECULIAR.read_text().partition("def make_model")[0])
    code, output = new_model(f"{half}:PeculiarDiT")
    assert code == 2
    assert "has no make_model and no make_inputs" in output
    assert '"noisy": sample' in output and '"time": ...' in output
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
