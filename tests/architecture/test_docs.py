"""The documentation's Python is valid, and names only what the package has."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append((f"{page.relative_to(ROOT)}:{line}", match.group(1)))
    return found


def names_of_the_package(tree: ast.Module) -> set[tuple[str, str]]:
    """`(module, name)` for each `from cache_dit... import name` and each `cache_dit.name`."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "cache_dit":
            names.update((str(node.module), alias.name) for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "cache_dit":
            names.add(("cache_dit", node.attr))
    return names


@pytest.mark.parametrize("code", [pytest.param(code, id=where) for where, code in snippets()])
def test_a_snippet_names_only_what_exists(code: str) -> None:
    for module, name in names_of_the_package(ast.parse(code)):
        assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


def test_names_are_found_in_snippets() -> None:
    code = "import cache_dit as c, cache_dit\nfrom cache_dit.metrics import a\ncache_dit.b(x.c)"
    assert names_of_the_package(ast.parse(code)) == {("cache_dit.metrics", "a"), ("cache_dit", "b")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []
