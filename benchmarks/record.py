"""What a benchmark leaves behind: its rows, and what they were measured with."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

Row = Mapping[str, Any]  # flat: name -> text, number, truth value or null


def save(path: Path, rows: Sequence[Row]) -> None:
    """Write rows to a file that `tools/generate_docs.py` makes tables and plots from."""
    document = {"ran": ran(), "rows": [dict(row) for row in rows]}
    text = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"Figures: {path}")


def ran() -> dict[str, Any]:
    """The command, and what it ran with."""
    return {
        "command": command(sys.argv),
        "python": platform.python_version(),
        "torch": version("torch"),
        "diffusers": version("diffusers"),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
    }


def command(words: Sequence[str]) -> str:
    """A command line as it would be typed in the repository, without where its rows go."""
    script, *options = words
    if "--json" in options:
        at = options.index("--json")
        del options[at : at + 2]
    path = Path(script).resolve()
    inside = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    return " ".join(["python", inside, *options])
