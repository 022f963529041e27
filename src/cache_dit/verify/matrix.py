"""The page of what was verified, from the rows that `cache-dit verify --all --json` wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cache_dit
from cache_dit.verify.axes import AXES, TRANSFORMERS
from cache_dit.verify.rows import Row
from cache_dit.verify.zoo import NOT_DENOISERS

HEAD = """# Supported matrix

<!-- Written by `make generate` from src/cache_dit/verify/matrix.json; `make verify` writes it. -->

Every denoising transformer, text encoder, autoencoder and ControlNet of diffusers' transformer
pipelines, and what is proven of it. The proof is a run of
`cache-dit verify`: a tiny copy of the model with random weights, in float64, with and without what
is verified; the number is the largest relative error that was seen. You can repeat it on a laptop,
and make it for a model of your own with `cache_dit.verify.check_cache`. An empty cell means that
nothing was verified, not that it cannot work.

*cache*: a step that is reused with unchanged inputs returns what a computed one does, with all
predictors, in every branch; every block runs exactly as often as the settings say; and nothing is
left behind. *block lists*: with their patterns; those joined by + decide together. *calls told
apart*: how the cache knows the conditional from the unconditional call of a step: by the name that
the pipeline gives it (`cache_context`), or by their order; `-` where one call has both. *also
with*: other inputs or configurations for which all of this was verified too.

The other columns compare several processes (gloo) with one: *cp*, the sequence split over two ranks
by Ulysses and by a ring; *tp*, the width shared out over two ranks, with the weights that each rank
holds and the exchanges counted; *tp+cp*, both at once over four; *controlnet*, a ControlNet and its
transformer split together, cached and not; *te*, a text encoder's width over two ranks, all hidden
states compared; *vae*, tiles over two ranks, equal to the tiled result of one process.
"""


TRANSFORMER_COLUMNS = ("model", "cache", "block lists", "calls told apart", "also with")


def supported_matrix_page() -> str:
    """The page, from the rows that the package brings along."""
    return page(cache_dit.supported_matrix())


def page(rows: Sequence[Row]) -> str:
    """A table for each kind of model: a line for each class, a column for each axis."""
    kinds: dict[str, list[Row]] = {TRANSFORMERS: []}
    for row in rows:
        kind = AXES[row["axis"]].kind if row["axis"] in AXES else TRANSFORMERS
        kinds.setdefault(kind, []).append(row)
    parts = [HEAD, *_table(kinds.pop(TRANSFORMERS), _transformer_cells, TRANSFORMER_COLUMNS)]
    for kind, own in kinds.items():
        parts += [f"\n## {kind.capitalize()}s\n", *_table(own, _cells, ("model", "also with"))]
    exceptions = [f"- {row['model']}, {row['axis']}: {row['reason']}" for row in rows]
    exceptions = [line for line, row in zip(exceptions, rows, strict=True) if row["reason"]]
    others = [f"- `{name}`: {why}" for name, why in NOT_DENOISERS.items()]
    parts += ["\n## Exceptions\n", *(exceptions or ["None."]), "\n## Not denoisers\n", *others]
    return "\n".join(parts) + "\n"


def _table(
    rows: Sequence[Row],
    first_cells: Callable[[str, Sequence[Row]], list[str]],
    columns: Sequence[str],
) -> list[str]:
    """Lines of one table: some columns of its own, then one for each axis that has rows."""
    axes = list(dict.fromkeys(row["axis"] for row in rows if row["axis"] not in columns))
    axes.sort(key=lambda axis: list(AXES).index(axis) if axis in AXES else len(AXES))
    classes: dict[str, list[Row]] = {}
    for row in rows:
        classes.setdefault(row["model"].split("/")[0], []).append(row)
    head = [*columns, *axes]
    lines = [head, ["---"] * len(head)]
    for name, own in classes.items():
        verdicts = [_verdict([row for row in own if row["axis"] == axis]) for axis in axes]
        lines.append([*first_cells(name, own), *verdicts])
    return [f"| {' | '.join(line)} |" for line in lines]


def _cells(name: str, rows: Sequence[Row]) -> list[str]:
    return [f"`{name}`", _variants(rows)]


def _variants(rows: Sequence[Row]) -> str:
    names = {row["model"].partition("/")[2] for row in rows if row["ok"]}
    return ", ".join(sorted(names - {""}))


def _transformer_cells(name: str, rows: Sequence[Row]) -> list[str]:
    cached = [row for row in rows if row["axis"] == "cache"]
    details: dict[str, Any] = next((row["details"] for row in cached if row["details"]), {})
    return [
        f"`{name}`",
        _verdict(cached),
        blocks_text(details),
        _calls(details),
        _variants(cached),
    ]


def _verdict(rows: Sequence[Row]) -> str:
    """✓ and the worst error; ✗ and the variants that fail; - where it does not apply."""
    failed = [row["model"].partition("/")[2] for row in rows if row["ok"] is False]
    if failed:
        return " ".join(["✗", ", ".join(filter(None, failed))]).strip()
    errors = [row["max_rel_error"] or 0.0 for row in rows if row["ok"]]
    if not errors:
        return "-" if rows else ""
    return f"✓ {max(errors):.0e}" if max(errors) else "✓ exact"


def blocks_text(details: Mapping[str, Any]) -> str:
    """Block lists and patterns of a row in words; lists that decide together are joined by +."""
    patterns = details.get("blocks", {})
    joint = " + " if not details.get("interleaved") else " + (in turn) "
    return ", ".join(
        joint.join(f"{name} ({patterns[name].replace('Pattern_', 'P')})" for name in names)
        for names in details.get("decisions", ())
    )


def _calls(details: Mapping[str, Any]) -> str:
    ways = ["by name"] * bool(details.get("named_calls"))
    ways += ["by order"] * bool(details.get("separate_cfg"))
    return ", else ".join(ways) or "-"
