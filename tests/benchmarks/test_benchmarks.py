"""Every benchmark runs, at its smallest, and leaves rows that the documentation can show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark_table import RESULTS, table
from benchmark_tables import TABLES
from tests.docs.pages import ROOT

SMALLEST = {
    "encoder_shares": ["--encoders", "1", "--ranks", "2"],
    "overhead": ["--cases", "tiny:1", "--rounds", "1"],
    "context_parallel": ["--tokens", "64", "--repeats", "1", "--ranks", "1"],
    "quality": ["--pictures", "1", "--steps", "4", "--few", "3"],
    "tensor_parallel": [
        *("--tokens", "16", "--width", "16", "--heads", "2", "--repeats", "1"),
        *("--ranks", "2", "--backend", "aot_eager"),
    ],
    "vae_parallel": ["--subjects", "1", "--ranks", "2"],
}
"""Benchmark -> options for as little as possible."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_run_makes_what_its_tables_show(name: str, tmp_path: Path) -> None:
    options = [*SMALLEST[name], "--json", str(tmp_path / f"{name}.json")]
    subprocess.run(
        [sys.executable, f"benchmarks/{name}.py", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=True,
        timeout=240,
    )
    document = json.loads((tmp_path / f"{name}.json").read_text())
    kept = json.loads((RESULTS / f"{name}.json").read_text())
    assert document["ran"].keys() == kept["ran"].keys()
    assert document["ran"]["command"] == " ".join(
        ["python", f"benchmarks/{name}.py", *SMALLEST[name]]
    )
    assert {frozenset(row) for row in document["rows"]} <= {frozenset(row) for row in kept["rows"]}
    for shown in (each for each in TABLES.values() if each.results == name):
        assert table(shown, tmp_path).count("\n| ") > 1, "a head, and rows"


def test_no_benchmark_is_left_out() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    measured = re.search(r"^MEASURED +:= (.*)$", makefile, re.MULTILINE)
    assert measured is not None
    texts = {path.stem: path.read_text() for path in (ROOT / "benchmarks").glob("*.py")}
    names = sorted(name for name, text in texts.items() if 'add_argument("--json"' in text)
    assert names == sorted(measured[1].split()) == sorted(SMALLEST)
    assert {each.results for each in TABLES.values()} - {"new_model_share"} == set(names)
