"""The page of what was verified, from the rows that `cache-dit verify --all --json` wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cache_dit
from cache_dit.verify.rows import Row

HEAD = """# Supported matrix

<!-- Written by `make generate` from src/cache_dit/verify/matrix.json. To verify anew:
     cache-dit verify --all --json src/cache_dit/verify/matrix.json && make generate -->

Every denoising transformer of diffusers, and what is proven of it. The proof is a run of
`cache-dit verify`: a tiny copy of the model with random weights, in float64, with and without what
is verified. You can repeat it on a laptop, and make it for a model of your own with
`cache_dit.verify.check_cache`. An empty cell means that nothing was verified, not that it cannot
work.
"""

AXES = {
    "cache": """## Cache

✓: a step that is reused with unchanged inputs returns what a computed one does, up to the given
relative error, with all predictors, in every branch; every block runs exactly as often as the
settings say; and nothing is left behind. Block lists joined by + decide together. *Calls told
apart*: how the cache knows the conditional from the unconditional call of a step: by the name that
the pipeline gives it (`cache_context`), or by their order; `-` where one call has both. *Also
with*: other inputs or configurations for which all of this was verified too.
""",
}

COLUMNS = {"cache": ("model", "verified", "block lists", "calls told apart", "also with")}


def supported_matrix_page() -> str:
    """The page, from the rows that the package brings along."""
    return page(cache_dit.supported_matrix())


def page(rows: Sequence[Row]) -> str:
    """A section for each axis that has rows, and a table row in it for each class."""
    parts = [HEAD]
    for axis, introduction in AXES.items():
        own = [row for row in rows if row["axis"] == axis]
        if own:
            parts += [introduction, _table(axis, own)]
    return "\n".join(parts)


def _table(axis: str, rows: Sequence[Row]) -> str:
    classes: dict[str, list[Row]] = {}
    for row in rows:
        classes.setdefault(row["model"].split("/")[0], []).append(row)
    lines = [" | ".join(COLUMNS[axis]), " | ".join("---" for _ in COLUMNS[axis])]
    lines += [" | ".join(_cells(name, own)) for name, own in classes.items()]
    return "".join(f"| {line} |\n" for line in lines)


def _cells(name: str, rows: Sequence[Row]) -> list[str]:
    details: dict[str, Any] = next((row["details"] for row in rows if row["details"]), {})
    variants = [row["model"].split("/")[1] for row in rows if "/" in row["model"] and row["ok"]]
    lists = blocks_text(details).replace("|", "\\|")
    return [f"`{name}`", _verdict(rows), lists, _calls(details), ", ".join(sorted(variants))]


def _verdict(rows: Sequence[Row]) -> str:
    failed = [f"✗ {row['model']}: {row['reason']}" for row in rows if row["ok"] is False]
    if failed:
        return "; ".join(failed).replace("|", "\\|")
    if all(row["ok"] is None for row in rows):
        return f"does not apply: {rows[0]['reason']}"
    worst = max(row["max_rel_error"] or 0.0 for row in rows)
    return f"✓ {worst:.0e}" if worst else "✓ exact"


def blocks_text(details: Mapping[str, Any]) -> str:
    """Block lists and patterns of a row in words; lists that decide together are joined by +."""
    patterns = details.get("blocks", {})
    joint = " + " if not details.get("interleaved") else " + (in turn) "
    return ", ".join(
        joint.join(f"{name} ({patterns[name].replace('Pattern_', 'P')})" for name in names)
        for names in details.get("decisions", ())
    )


def _calls(details: dict[str, Any]) -> str:
    ways = ["by name"] * bool(details.get("named_calls"))
    ways += ["by order"] * bool(details.get("separate_cfg"))
    return ", else ".join(ways) or "-"
