"""`cache-dit demo` from the command line to its table and pictures."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from cache_dit.cli import app
from cache_dit.demo import command

CAPTIONS = ["--prompt", "3d red apple on sky", "--prompt", "flat cat on mint"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "REPEAT_SECONDS", 0)
    monkeypatch.setenv("COLUMNS", "79")


def demo(*options: str) -> Result:
    return CliRunner().invoke(app, ["demo", *options])


def rows(output: str) -> dict[str, list[str]]:
    """The table's rows: setting -> [blocks, time, speed-up, PSNR, SSIM, fewer steps]."""
    found = {}
    for line in output.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) >= 6 and cells[1].endswith("%"):
            found[cells[0]] = cells[1:]
    return found


@pytest.mark.slow
def test_the_whole_demo(tmp_path: Path) -> None:
    chosen = ["--set", "Fn_compute_blocks=2", "--set", "residual_diff_threshold=0.5"]
    chosen += ["--set", "max_warmup_steps=3", "--set", "enable_taylorseer=true"]
    result = demo(*CAPTIONS, "--steps", "6", *chosen, "--output", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "…" not in result.output, "the table fits into a narrow terminal"
    table = rows(result.output)
    assert table.pop("No cache")[0] == "100%"
    controls = {name: cells for name, cells in table.items() if "steps, no cache" in name}
    cached = {name: cells for name, cells in table.items() if name not in controls}
    assert len(cached) == 6
    assert "Your setting" in cached
    assert controls
    for name, (blocks, seconds, speedup, psnr, ssim, *fewer) in table.items():
        assert 0 < int(blocks.rstrip("%")) < 100, name
        assert float(seconds.removesuffix(" s")) >= 0, name
        assert float(speedup.rstrip("x")) > 0, name
        assert 5 < float(psnr.removesuffix(" dB")) < 100, name
        assert 0 < float(ssim) <= 1, name
        assert bool(fewer) == (name in cached), "a cached setting stands beside its control"
    for name in ("pictures.png", "steps.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 400


def test_a_field_may_come_from_a_file_and_from_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("cache_config:\n  Fn_compute_blocks: 2\n  residual_diff_threshold: 0.3\n")
    setting = command.own_setting(8, file, ["residual_diff_threshold=0.1"])
    assert setting is not None and setting.options is not None
    cache = setting.options["cache_config"]
    assert (cache.Fn_compute_blocks, cache.residual_diff_threshold) == (2, 0.1)
    assert command.own_setting(8, None, []) is None


def test_the_known_words_can_be_listed() -> None:
    result = demo("--words")
    assert result.exit_code == 0
    assert {"3d", "flat", "apple", "on-sky"} <= set(result.output.split())
    assert "<pad>" not in result.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "residual_diff_treshold=0.1"], "residual_diff_threshold"),
        (["--set", "residual_diff_threshold"], "there is no '='"),
        (["--set", "Fn_compute_blocks=none"], "Fn_compute_blocks='none'"),
        (["--set", "max_warmup_steps=-3"], "max_warmup_steps=-3"),
        (["--prompt", "3d red aple"], "apple"),
        (["--config", "no-such-file.yaml"], "no-such-file.yaml"),
        (["--steps", "1"], "'--steps'"),
    ],
)
def test_a_mistake_is_explained(options: list[str], message: str, tmp_path: Path) -> None:
    result = demo(*options, "--output", str(tmp_path / "out"))
    assert result.exit_code == 2
    assert message in re.sub(r"[\s│]+", " ", result.output)
    assert not (tmp_path / "out").exists()
    assert not isinstance(result.exception, ValueError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cache_config: {Fn_compute_blocks: 99}", "12 blocks"),
        ("parallelism_config: {ulysses_size: 2}", "torchrun"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_before_anything_is_drawn(
    content: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "Comparison", None)
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    result = demo("--config", str(file))
    assert result.exit_code == 2
    assert message in re.sub(r"\s+", " ", result.output)
