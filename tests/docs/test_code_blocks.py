"""Every code block of the documentation runs, or is checked, so that none can rot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from cache_dit import load_configs
from cache_dit.verify.ranks import ranks
from tests.docs.commands import problem_of, problems_of
from tests.docs.pages import (
    PAGES,
    Block,
    all_blocks,
    blocks_of,
    inline_commands,
    name_of,
    pages_with,
)
from tests.docs.run_page import run_on_rank, run_page

CHECKED = {"python", "bash", "yaml", "mermaid", "text", "ini"}
"""Languages of blocks: the first three are run or checked, the others have nothing to run."""

each_block = {
    language: pytest.mark.parametrize("block", all_blocks(language), ids=lambda block: block.where)
    for language in CHECKED
}


def spreads(page: Path) -> bool:
    """Whether a page's Python is for several ranks."""
    return any(
        "parallelism_config=" in block.code for block in all_blocks("python") if block.page == page
    )


ALONE = [page for page in pages_with("python") if not spreads(page)]
OVER_RANKS = [page for page in pages_with("python") if spreads(page)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", ALONE, ids=name_of)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    assert run_page(page, tmp_path / "page") == ""


@pytest.mark.parametrize("page", OVER_RANKS, ids=name_of)
def test_the_python_of_a_page_runs_over_two_ranks(page: Path, tmp_path: Path) -> None:
    assert ranks(2).run(run_on_rank, page, tmp_path / "page") == ["", ""]


@each_block["yaml"]
def test_settings_in_yaml_are_accepted(block: Block) -> None:
    assert load_configs(yaml.safe_load(block.code))


@each_block["bash"]
def test_commands_and_their_options_exist(block: Block) -> None:
    assert problems_of(block.code) == []


@pytest.mark.parametrize(("page", "command"), inline_commands())
def test_commands_within_sentences_exist(page: str, command: str) -> None:
    assert not problem_of(command), page


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_block_escapes(page: Path) -> None:
    blocks = list(blocks_of(page))
    assert {block.language for block in blocks} <= CHECKED
    fences = re.findall(r"^[ >]*(```|~~~)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) == 2 * len(blocks), "a fence of another form, which is not looked at"


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("cache-dit demo --stepps 3", "--stepps"),
        ("cache-dit fly", "fly"),
        ("make tests", "tests"),
        ("torchrun --nproc_per_node=2 examples/none.py", "none.py"),
        ("python benchmarks/overhead.py --speed", "--speed"),
        ("pip install '.[all]'", "all"),
        ("curl example.org", "curl"),
    ],
)
def test_a_wrong_command_is_found(command: str, problem: str) -> None:
    assert problem in problem_of(command)
