"""The package keeps its structure, and each rule catches what it is there for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import check_structure

ROOT = Path(__file__).parents[2]


def plant(directory: Path, where: str, code: str) -> list[check_structure.Violation]:
    file = directory / "src" / "cache_dit" / where
    file.parent.mkdir(parents=True)
    file.write_text(code)
    return check_structure.check([directory])


def test_the_project_has_no_violation() -> None:
    roots = [ROOT / name for name in check_structure.DEFAULT_ROOTS if (ROOT / name).is_dir()]
    assert [str(violation) for violation in check_structure.check(roots)] == []


@pytest.mark.parametrize(
    ("where", "code", "rule", "line"),
    [
        ("caching/region.py", "import cache_dit.parallelism.mesh\n", "import-arrows", 1),
        ("caching/region.py", "from cache_dit import parallelism\n", "import-arrows", 1),
        ("caching/policy.py", "\nfrom cache_dit.api import enable_cache\n", "import-arrows", 2),
        ("caching/calibrators/foca.py", "from ...api import enable_cache\n", "import-arrows", 1),
        ("caching/calibrators/__init__.py", "from ... import api\n", "import-arrows", 1),
        ("caching/region.py", "from cache_dit import enable_cache\n", "import-arrows", 1),
        ("caching/region.py", "def f():\n    import cache_dit\n", "import-arrows", 2),
        ("parallelism/mesh.py", "from cache_dit.caching.state import X\n", "import-arrows", 1),
        ("registry.py", "from cache_dit.caching.config import DBCacheConfig\n", "import-arrows", 1),
        ("metrics/pixel.py", "from cache_dit.demo import pipeline\n", "import-arrows", 1),
        ("api.py", "from cache_dit.cli import app\n", "import-arrows", 1),
        ("api.py", "from . import verify\n", "import-arrows", 1),
        ("demo/run.py", "from cache_dit.caching.session import X\n", "import-arrows", 1),
        ("novelty/run.py", "x = 1\n", "import-arrows", 1),
        ("caching/policy.py", "import torch\n", "tensor-free", 1),
        ("api.py", "x = 1\n" * 301, "file-length", 301),
        ("api.py", "\ndef f():\n" + "    x = 1\n" * 60, "function-length", 2),
        ("api.py", "import unittest.mock\n", "no-unittest", 1),
        ("api.py", "from unittest import mock\n", "no-unittest", 1),
        ("api.py", "def f(x):\n    type(x).hook = 1\n", "no-class-patching", 2),
        ("api.py", "def f(x):\n    x.__class__.hook = 1\n", "no-class-patching", 2),
        ("api.py", "def f(x):\n    del x.__class__.hook\n", "no-class-patching", 2),
        ("api.py", "def f(x):\n    x.block.__class__.n += 1\n", "no-class-patching", 2),
        ("api.py", "def f(x):\n    setattr(type(x), 'hook', 1)\n", "no-class-patching", 2),
        ("api.py", "from a import Flux\nFlux.forward = None\n", "no-class-patching", 2),
        ("api.py", "import a.b\na.b.Flux.forward: int = 1\n", "no-class-patching", 2),
        ("api.py", "def f(model):\n    model._is_cached = 1\n", "no-foreign-state", 2),
        ("api.py", "def f(model):\n    setattr(model, '_is_cached', 1)\n", "no-foreign-state", 2),
    ],
)
def test_a_planted_violation_is_found(
    tmp_path: Path, where: str, code: str, rule: str, line: int
) -> None:
    found = plant(tmp_path, where, code)
    assert [(violation.rule, violation.line) for violation in found] == [(rule, line)]
    file = tmp_path / "src" / "cache_dit" / where
    assert str(found[0]).startswith(f"{file}:{line}: {rule}: ")


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ("caching/region.py", "from cache_dit.caching.state import X\nimport torch\n"),
        ("caching/region.py", "from ..registry import Registry\n"),
        ("cli.py", "from cache_dit.demo import run\nfrom cache_dit import enable_cache\n"),
        ("api.py", "x = 1\n" * 300),
        ("api.py", "def f():\n" + "    x = 1\n" * 59),
        ("intercept.py", "def f(x, subclass):\n    x.__class__ = subclass\n"),
        ("api.py", "class A:\n    def __init__(self):\n        self._x = 1\n"),
    ],
)
def test_what_is_allowed_is_not_found(tmp_path: Path, where: str, code: str) -> None:
    assert plant(tmp_path, where, code) == []


def test_each_rule_has_a_planted_violation() -> None:
    (marks,) = (m for m in test_a_planted_violation_is_found.pytestmark if m.name == "parametrize")
    assert {row[2] for row in marks.args[1]} == set(check_structure.RULES)


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ('"""Doc."""\n\nprint("hello")\n', "T201"),
        ('"""Doc."""\n\n\ndef f():\n    import json\n\n    return json\n', "PLC0415"),
    ],
)
def test_ruff_finds_print_and_late_imports(code: str, rule: str) -> None:
    """Two more rules of the house, which the linter already knows."""
    arguments = ["check", "--stdin-filename", str(ROOT / "src/cache_dit/api.py"), "-"]
    run = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments], input=code, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert rule in run.stdout


def test_the_command_reports_and_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, "api.py", "import unittest\n")
    assert check_structure.main([str(tmp_path)]) == 1
    assert "api.py:1: no-unittest: " in capsys.readouterr().out
    assert check_structure.main([str(ROOT / "tools")]) == 0
