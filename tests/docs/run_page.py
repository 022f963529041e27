"""Run all Python of a page, in order, as a reader would who types it."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import Any

from tests.docs.pages import Block, blocks_of
from tests.docs.stand_ins import STAND_INS, as_if_installed, write_files


def run_page(page: Path, folder: Path) -> str:
    """Run it within a folder; gives the first error, with its place, or nothing."""
    before = Path.cwd()
    folder.mkdir(parents=True)
    write_files(folder)
    os.chdir(folder)
    try:
        with as_if_installed():
            return _run([block for block in blocks_of(page) if not block.title], folder)
    finally:
        os.chdir(before)


def run_on_rank(page: Path, folder: Path) -> str:
    """The part of one rank."""
    import torch.distributed as dist

    return run_page(page, folder / str(dist.get_rank()))


def _run(blocks: list[Block], folder: Path) -> str:
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        if block.language == "yaml":
            (folder / "settings.yaml").write_text(block.code, encoding="utf-8")
        if block.language != "python":
            continue
        for missing in _missing(block.code, names):
            names[missing] = STAND_INS[missing]()
        code = "\n" * (block.line - 1) + block.code
        try:
            exec(compile(code, str(block.page), "exec"), names)
        except Exception as error:
            return f"{block.where}: {type(error).__name__}: {error}"
    return ""


def _missing(code: str, names: dict[str, Any]) -> list[str]:
    """Stand-ins that a block needs."""
    used = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    made = {node.id for node in used if isinstance(node.ctx, ast.Store)}
    wanted = {node.id for node in used if isinstance(node.ctx, ast.Load)} - made
    return sorted(name for name in wanted if name in STAND_INS and name not in names)
