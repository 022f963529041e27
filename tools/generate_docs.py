"""Write the documentation pages that are derived: from the code, and from measured figures.

python tools/generate_docs.py          # rewrite them
python tools/generate_docs.py --check  # only say which are stale, and exit with 1 if any is
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Callable
from pathlib import Path

from benchmark_plots import stale_plots
from benchmark_tables import with_tables
from cache_dit import supported_matrix
from cache_dit.caching.block_adapters import BlockAdapterRegister
from cache_dit.verify.matrix import supported_matrix_page
from excerpts import refreshed

ROOT = Path(__file__).resolve().parent.parent
DOCS, README = ROOT / "docs", ROOT / "README.md"
SHORT_MATRIX = re.compile(r"(<!-- matrix -->\n).*?(<!-- /matrix -->)", re.DOTALL)
AXES = {
    "cache": "cache",
    "cp": "context parallelism",
    "tp": "tensor parallelism",
    "tp+cp": "both at once",
    "controlnet": "ControlNets, split with their model",
    "te": "text encoders, their width shared out",
    "vae": "VAEs, their tiles shared out",
}
"""Axis -> what it is called in the README."""


def supported_models() -> str:
    """One row for each registered prefix, with the first line of its adapter's docstring."""
    count, prefixes = BlockAdapterRegister.supported_pipelines()
    lines = [
        "# Supported models",
        "",
        "<!-- Written by `make generate`. Run it after registering a model. -->",
        "",
        f"Adapters are registered for {count} prefixes of class names, of a pipeline or of its",
        "transformer. The longest prefix that matches is asked first. A model that is not listed",
        "can be described by a `BlockAdapter`: see the [cache guide](CACHE_API.md).",
        "",
        "| class name begins with | model |",
        "| --- | --- |",
    ]
    for prefix in prefixes:
        summary = (inspect.getdoc(BlockAdapterRegister.get_adapter(prefix)) or "").split("\n")[0]
        lines.append(f"| `{prefix}` | {summary} |")
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "supported_matrix.md": supported_matrix_page,
    "user_guide/SUPPORTED_MODELS.md": supported_models,
}


def short_matrix() -> str:
    """How many classes are proven on each axis: one row for each axis that was verified."""
    lines = ["| axis | proven | not, with the reason |", "| --- | --- | --- |"]
    for axis, name in AXES.items():
        classes: dict[str, list[bool | None]] = {}
        for row in supported_matrix():
            if row["axis"] == axis:
                classes.setdefault(row["model"].partition("/")[0], []).append(row["ok"])
        if classes:
            proven = sum(True in found and False not in found for found in classes.values())
            lines.append(f"| {name} | {proven} | {len(classes) - proven} |")
    return "\n".join(lines) + "\n"


def stale_pages(directory: Path) -> dict[Path, str]:
    """The pages and plots that are missing, or not what code and figures say: as they should be."""
    others = [
        page for page in directory.rglob("*.md") if str(page.relative_to(directory)) not in PAGES
    ]
    texts = {page: with_tables(refreshed(page.read_text(encoding="utf-8"))) for page in others}
    texts |= {directory / name: make() for name, make in PAGES.items()}
    readme = README.read_text(encoding="utf-8")
    texts[README] = SHORT_MATRIX.sub(rf"\1{short_matrix()}\2", readme)
    return {
        path: text
        for path, text in texts.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    } | stale_plots(directory)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the documentation pages that are derived.")
    parser.add_argument("--check", action="store_true", help="only say which are stale")
    check = parser.parse_args(arguments).check
    stale = stale_pages(DOCS)
    for path, text in stale.items():
        if check:
            print(f"{path} is stale. Run `make generate`.")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")
    return 1 if stale and check else 0


if __name__ == "__main__":
    raise SystemExit(main())
