"""The file of results: a list of rows, one for each model and axis."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cache_dit.verify.axes import model_names
from cache_dit.verify.zoo.own import is_own

Row = Mapping[str, Any]


def update_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows to a file, in place of those of the same model and axis; other rows stay.

    Models are in the order of the axes, and models of one's own behind them. Rows of models that
    are gone are dropped.
    """
    old = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    merged = {(row["model"], row["axis"]): row for row in [*old, *rows]}
    order = {name: place for place, name in enumerate(model_names())}
    own = {model: len(order) for model, _ in merged if is_own(model)}
    order = own | order
    kept = [row for (model, _), row in merged.items() if model in order]
    kept.sort(key=lambda row: (order[row["model"]], row["model"], row["axis"]))
    lines = ",\n".join(json.dumps(row) for row in kept)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
