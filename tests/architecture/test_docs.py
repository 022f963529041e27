"""The pages of the documentation lead where they say. (What they run is tested in tests/docs.)"""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import PAGES, name_of

ROOT = Path(__file__).parents[2]
REFERENCE = "".join(page.read_text() for page in (ROOT / "docs" / "reference").glob("*.md"))
DOCUMENTED = set(re.findall(r"^::: (\S+)", REFERENCE, re.MULTILINE))
PUBLIC = ("cache_dit", "cache_dit.metrics")
FOR_ALL_TO_REGISTER = r"Planner(Register)?$|^TilePlan$|^Parallelism"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def undocumented(package: str, names: str = "") -> list[str]:
    """Public functions and classes that no page of the reference is about."""
    values: dict[str, Any] = vars(importlib.import_module(package))
    listed = [values[name] for name in values["__all__"] if re.search(names, name)]
    places = {
        (each.__module__, each.__qualname__) for each in listed if hasattr(each, "__qualname__")
    }
    return [
        f"{module}.{name}"
        for module, name in places
        if not {module, f"{module}.{name}"} & DOCUMENTED
    ]


@pytest.mark.parametrize("package", PUBLIC)
def test_the_reference_has_every_public_function_and_class(package: str) -> None:
    assert undocumented(package) == []


def test_the_reference_has_what_a_plan_is_registered_with() -> None:
    assert undocumented("cache_dit.parallelism", FOR_ALL_TO_REGISTER) == []


def strangers(function: ast.FunctionDef) -> list[str]:
    """What a docstring describes as an argument, and is none: the strict build refuses it."""
    section = re.search(
        r"^Args:\n((?: {4,}.*\n?|\n)+)", ast.get_docstring(function) or "", re.MULTILINE
    )
    described = re.findall(r"^ {4}(\S.*?):", section[1] if section else "", re.MULTILINE)
    args = function.args
    known = {each.arg for each in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
    known |= {f"*{args.vararg.arg}"} if args.vararg else set()
    known |= {f"**{args.kwarg.arg}"} if args.kwarg else set()
    return [name for name in described if name not in known | {n.lstrip("*") for n in known}]


def test_docstrings_describe_arguments_that_exist() -> None:
    wrong = {
        f"{file.relative_to(ROOT)}:{node.lineno}": strangers(node)
        for file in (ROOT / "src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert {place: names for place, names in wrong.items() if names} == {}
