"""The page of what was verified says what the rows say."""

from __future__ import annotations

from typing import Any

import cache_dit
from cache_dit.verify.matrix import page, supported_matrix_page


def row(model: str, ok: bool | None = True, **changes: Any) -> dict[str, Any]:
    details = {
        "blocks": {"a": "Pattern_1", "b": "Pattern_3", "c": "Pattern_2"},
        "decisions": [["a", "b"], ["c"]],
        "separate_cfg": True,
        "named_calls": True,
    }
    common = {"model": model, "axis": "cache", "ok": ok, "max_rel_error": 2.4e-16, "reason": ""}
    return {**common, "details": details, **changes}


def line(text: str, model: str) -> str:
    return next(each for each in text.splitlines() if each.startswith(f"| `{model}`"))


def test_a_class_has_one_line_for_all_its_variants() -> None:
    text = page([row("One"), row("One/edit", max_rel_error=3e-15), row("Two", details={})])
    assert line(text, "One") == (
        "| `One` | ✓ 3e-15 | a (P1) + b (P3), c (P2) | by name, else by order | edit |"
    )
    assert line(text, "Two") == "| `Two` | ✓ 2e-16 |  | - |  |"


def test_failures_and_what_does_not_apply_say_why() -> None:
    rows = [
        row("One"),
        row("One/edit", False, reason="off by 1."),
        row("Two", None, reason="One call."),
        row("Two/edit"),
        row("Three", None, reason="None at all."),
    ]
    text = page(rows)
    assert line(text, "One").startswith("| `One` | ✗ edit |")
    assert line(text, "Two").startswith("| `Two` | ✓ 2e-16 |")
    assert line(text, "Three").startswith("| `Three` | - |")
    exceptions = text.partition("## Exceptions")[2]
    assert "- One/edit, cache: off by 1.\n- Two, cache: One call.\n- Three" in exceptions
    assert "## Exceptions\n\nNone." in page(rows[:1])


def test_an_axis_has_a_column_when_it_has_rows() -> None:
    assert "also with |\n" in page([row("One")])
    text = page([row("One"), row("One", axis="speed", max_rel_error=0.0), row("Two")])
    assert "also with | speed |\n" in text
    assert line(text, "One").endswith("| ✓ exact |")
    assert line(text, "Two").endswith("|  |")


def test_the_page_has_a_line_for_each_class_that_the_package_knows() -> None:
    text = supported_matrix_page()
    classes = {each["model"].split("/")[0] for each in cache_dit.supported_matrix()}
    assert len(classes) > 70
    assert text.count("\n| `") == len(classes)
    assert all(f"| `{name}` |" in text for name in classes)
