"""The code blocks of the documentation, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
    ]
)
FENCE = re.compile(r"^( *)```([^\n`]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([^"]+)"')
INLINE = re.compile(r"`((?:cache-dit|make) [^`]+)`")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: the file it is in.
        line: where its code begins.
        language: the first word behind the fence.
        title: an excerpt's source, ``"path"`` or ``"path: name"``; empty for other blocks.
        code: what it says, without the indentation of the fence.
    """

    page: Path
    line: int
    language: str
    title: str
    code: str

    @property
    def where(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """A page as messages call it."""
    return str(page.relative_to(ROOT))


def blocks_of(page: Path) -> Iterator[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        indentation, info, code = match.groups()
        line = text.count("\n", 0, match.start()) + 2
        title = TITLE.search(info)
        plain = "".join(each.removeprefix(indentation) for each in code.splitlines(keepends=True))
        language = info.split()[0] if info.split() else ""
        yield Block(page, line, language, title.group(1) if title else "", plain)


def all_blocks(language: str) -> list[Block]:
    """The blocks of one language on all pages, except excerpts."""
    found = [block for page in PAGES for block in blocks_of(page)]
    return [block for block in found if block.language == language and not block.title]


def pages_with(language: str) -> list[Path]:
    """Pages that have blocks of a language."""
    return list(dict.fromkeys(block.page for block in all_blocks(language)))


def inline_commands() -> list[tuple[str, str]]:
    """(page, command) for each command that stands within a sentence."""
    texts = {page: FENCE.sub("", page.read_text(encoding="utf-8")) for page in PAGES}
    return [
        (name_of(page), " ".join(command.split()))
        for page, text in texts.items()
        for command in INLINE.findall(text)
    ]
