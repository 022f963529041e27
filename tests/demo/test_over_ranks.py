"""`cache-dit demo --ulysses 2`: two processes draw what one draws."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from cache_dit.cli import app
from cache_dit.demo.over_ranks import TOLERANCE, Drawn, Pair
from cache_dit.demo.settings import Setting
from cache_dit.verify.ranks import ranks

OPTIONS = ["--steps", "5", "--prompt", "3d red apple on sky"]


def demo(*options: str) -> tuple[int, str]:
    """(exit code, output) of the command, as one rank sees it."""
    result = CliRunner().invoke(app, ["demo", *OPTIONS, *options], env={"COLUMNS": "79"})
    return result.exit_code, result.output


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["ulysses", "ring", "tp"])
def test_two_ranks_draw_what_one_draws(axis: str) -> None:
    first, second = ranks(2).run(demo, f"--{axis}", "2", "--set", "max_warmup_steps=2")
    assert first[0] == second[0] == 0, first[1]
    assert "2 ranks drew the same pictures as one." in first[1]
    assert "Your setting" in first[1] and "KiB" in first[1]
    assert "…" not in first[1], "the table fits into a narrow terminal"
    assert not second[1].strip(), "only the first rank prints"


@pytest.mark.nightly
def test_four_ranks_share_sequence_and_width() -> None:
    first, *_ = ranks(4).run(demo, "--ulysses", "2", "--tp", "2")
    assert first[0] == 0, first[1]
    assert "4 ranks drew the same pictures as one." in first[1]


def test_sizes_need_processes_and_processes_need_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = demo("--ulysses", "2")
    assert code == 2
    assert "Start with torchrun" in " ".join(output.split())
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, output = demo()
    assert code == 2
    assert "Say how they share the work: --ulysses, --ring, --tp" in " ".join(output.split())


def test_a_visible_difference_or_another_decision_is_not_the_same() -> None:
    def drawn(shift: float, reused: int) -> Drawn:
        return Drawn(np.full((1, 2, 2, 3), 0.5 + shift), 1.0, 0.0, [[reused]])

    setting = Setting("No cache", 5)
    assert Pair(setting, drawn(0, 3), drawn(TOLERANCE / 2, 3)).same
    assert not Pair(setting, drawn(0, 3), drawn(TOLERANCE * 2, 3)).same
    assert not Pair(setting, drawn(0, 3), drawn(0, 4)).same
    assert not Pair(setting, drawn(0, 3), drawn(float("nan"), 3)).same
