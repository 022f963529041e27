"""Code blocks that quote the repository, kept equal to what they quote.

A fence such as ``python title="examples/small_dit.py: SmallDiT, Block"`` holds these definitions of
that file, and ``title="path"`` all of it. `make generate` rewrites what is between the fences.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r'^(```\w+ title="([^"]+)"[^\n]*\n)(.*?)(^```$)', re.MULTILINE | re.DOTALL)


def refreshed(text: str, root: Path = ROOT) -> str:
    """A page with all its excerpts as they are in the files now.

    Raises:
        ValueError: an excerpt of a definition that is no more.
        FileNotFoundError: likewise of a file.
    """

    def replace(match: re.Match[str]) -> str:
        return f"{match[1]}{excerpt(match[2], root)}{match[4]}"

    return FENCE.sub(replace, text)


def excerpt(title: str, root: Path = ROOT) -> str:
    """The code that a title names: ``"path"``, or ``"path: name, Class.method"``."""
    path, _, names = title.partition(": ")
    source = (root / path).read_text(encoding="utf-8")
    if not names:
        return source
    parts = []
    for name in names.split(", "):
        found = next(_definitions(ast.parse(source), name), None)
        if found is None:
            raise ValueError(f"{path} has no {name!r}, which a page quotes. Correct its title.")
        first, last = found
        parts.append(textwrap.dedent("\n".join(source.splitlines()[first - 1 : last])))
    return "\n\n\n".join(parts) + "\n"


def _definitions(tree: ast.Module | ast.ClassDef, name: str) -> Iterator[tuple[int, int]]:
    """First and last lines of what defines a name."""
    owner, _, member = name.partition(".")
    for node in tree.body:
        assert node.end_lineno is not None
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == owner:
            if member and isinstance(node, ast.ClassDef):
                yield from _definitions(node, member)
            else:
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                yield first, node.end_lineno
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(each, ast.Name) and each.id == owner for each in targets):
                yield node.lineno, node.end_lineno
