"""The printed summary: whole names in a narrow terminal, and counts that mean what they say."""

from __future__ import annotations

from rich.console import Console

from cache_dit.caching.policy import Reason
from cache_dit.caching.report import print_stats
from cache_dit.caching.state import Decision
from cache_dit.caching.stats import CacheStats

NAME = "transformer_blocks+single_transformer_blocks"
TAG = "DBCache_F8B0_W8I1M0MC0_R0.08_TaylorSeer_O1"


def printed(decisions: list[Decision], note: str = "", details: bool = False) -> str:
    stats = CacheStats(NAME, {"tag": TAG}, decisions={"cond": decisions}, notes=[note] * bool(note))
    console = Console(width=80)
    with console.capture() as capture:
        print_stats([stats], details=details, console=console)
    return capture.get()


def test_block_lists_and_settings_are_not_cut_off_at_eighty_columns() -> None:
    text = printed([Decision(0, False, Reason.WARMUP), Decision(1, True, Reason.BELOW, 0.02, 0.08)])
    assert f"last run: {NAME}\n{TAG}\n" in text
    assert "1 of 2 (50%)" in text and "…" not in text


def test_dbprune_counts_steps_and_the_decisions_of_all_blocks() -> None:
    blocks = [Decision(step, step > 0, Reason.BELOW) for step in range(3) for _ in range(4)]
    row = next(line for line in printed(blocks).splitlines() if "cond" in line)
    assert row.split("│")[2].strip() == "3" and "8 of 12 (67%)" in row


def test_details_give_each_step_its_reason_and_notes_are_printed_as_they_are() -> None:
    text = printed([Decision(0, False, Reason.WARMUP)], "a mask [1, 0] is [short]", details=True)
    assert "warm-up" in text and "a mask [1, 0] is [short]" in text
