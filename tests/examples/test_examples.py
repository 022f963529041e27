"""Every example runs, on the demo's model or on a tiny one, and is listed with what it shows."""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from cache_dit.verify.ranks import ranks

EXAMPLES = Path(__file__).parents[2] / "examples"
SHARED = {"loading.py", "small_dit.py"}  # what the others import

ALONE = {  # arguments, and what has to be printed
    "one_line.py": (["--steps", "9"], "reused"),
    "choosing_settings.py": (["--steps", "12"], "bold"),
    "calibrators.py": (["--steps", "10"], "TaylorSeer"),
    "masks.py": (["--steps", "8"], "every other  10101010"),
    "from_yaml.py": (["--steps", "8"], "DBCache_F1B0_W4I1M0MC3_R0.2_TaylorSeer_O1"),
    "transformer_only.py": (["--steps", "6"], "request 1: reused steps ["),
    "custom_model.py": ([], "change is below the threshold"),
    "several_transformers.py": (["--steps", "8"], "blocks"),
    "pictures_of_a_run.py": (["--steps", "8"], "Written: outputs/run.png"),
}
OVER_RANKS = {
    "over_ranks.py": (["--steps", "3", "--cache", "1"], "2 ranks (ulysses 2, ring 1)"),
    "whole_pipeline.py": (["--steps", "3"], "text_encoder_2   5"),
}


def run(name: str, arguments: list[str]) -> str:
    """What an example prints."""
    printed = io.StringIO()
    before = sys.argv, list(sys.path)
    sys.argv, sys.path[:0] = [name, *arguments], [str(EXAMPLES)]
    try:
        with redirect_stdout(printed):
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    finally:
        sys.argv, sys.path[:] = before
    return printed.getvalue()


@pytest.mark.parametrize("name", ALONE)
def test_an_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "COLUMNS", "120")
    arguments, printed = ALONE[name]
    assert printed in run(name, arguments)


def test_the_custom_model_takes_no_weights_and_says_so() -> None:
    asked = [sys.executable, EXAMPLES / "custom_model.py", "--model", "some/weights"]
    ended = subprocess.run(asked, capture_output=True, text=True)  # it registers what it brings
    assert ended.returncode == 2
    assert "--model some/weights: SmallDiT exists in this example only" in ended.stderr


@pytest.mark.parametrize("name", OVER_RANKS)
def test_an_example_runs_over_two_ranks(name: str) -> None:
    arguments, printed = OVER_RANKS[name]
    first, second = ranks(2).run(run, name, arguments)
    assert printed in first and second == ""


def test_every_example_is_run_and_listed() -> None:
    scripts = {path.name for path in EXAMPLES.glob("*.py")} - SHARED
    assert scripts == set(ALONE) | set(OVER_RANKS)
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in sorted(scripts) if f"({name})" not in listed] == []
