"""`cache-dit generate` on pipelines in a folder, from the command line to files and tables."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cache_dit.cli import app
from cache_dit.demo import load_demo_pipeline
from cache_dit.verify import pipelines

APPLE = ["--prompt", "3d red apple on sky", "--steps", "6"]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def generate(*options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["generate", *options])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, re.sub(r"[ │]+", " ", result.output)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_pipeline_in_a_folder_is_cached_and_compared(tmp_path: Path) -> None:
    load_demo_pipeline().save_pretrained(tmp_path / "model")
    cache = ["--set", "max_warmup_steps=2", "--set", "residual_diff_threshold=0.5"]
    options = ["--model", str(tmp_path / "model"), *APPLE, *cache, "--output", str(tmp_path)]
    code, output = generate(*options, "--compare", "--track-memory")
    assert code == 0, output
    assert re.search(r"without cache .* none .* GiB 1\.00x", output)
    reused = re.search(r"with cache .* cond (\d) of 6 .* GiB [\d.]+x ([\d.]+) dB (0\.\d+)", output)
    assert reused and int(reused[1]) > 0 and 10 < float(reused[2]) < 90
    left, right = (pixels(tmp_path / f"{name}.png") for name in ("uncached", "cached"))
    assert left.shape == right.shape == (32, 32, 3) and not np.array_equal(left, right)
    both = pixels(tmp_path / "comparison.png")
    assert np.array_equal(both, np.concatenate([left, right], axis=1))


def test_without_cache_it_draws_what_the_pipeline_draws(tmp_path: Path) -> None:
    code, output = generate("--model", "demo", *APPLE, "--output", str(tmp_path))
    assert code == 0 and "none" in output
    import torch

    pipe = load_demo_pipeline()
    generator = torch.Generator().manual_seed(0)
    drawn = pipe("3d red apple on sky", num_inference_steps=6, generator=generator).images[0]
    assert np.array_equal(pixels(tmp_path / "result.png"), np.asarray(drawn))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_pipeline_of_diffusers_with_text_encoders(tmp_path: Path) -> None:
    pipelines.get("FluxPipeline/prompt").build().save_pretrained(tmp_path / "flux")
    settings = tmp_path / "mine.yaml"
    settings.write_text("cache_config: {Fn_compute_blocks: 1, max_warmup_steps: 1}\n")
    size = ["--height", "16", "--width", "16", "--call", "max_sequence_length=8"]
    options = ["--model", str(tmp_path / "flux"), "--config", str(settings), *size]
    prompts = ["--prompt", "a cat", "--prompt", "a red dog", "--steps", "4"]
    code, output = generate(*options, *prompts, "--output", str(tmp_path / "out"))
    assert code == 0, output
    assert "of 4" in output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "result_0.png",
        "result_1.png",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "demo"], "--prompt: EmojiPipeline cannot be called without prompt."),
        (["--model", "demo", "--prompt", "x", "--frames", "5"], "--frames: EmojiPipeline takes no"),
        (["--model", "demo", *APPLE, "--call", "eta"], "there is no '='"),
        (["--model", "demo", *APPLE, "--call", "eta=1"], "--call eta=...: EmojiPipeline takes no"),
        (["--model", "demo", *APPLE, "--ulysses", "2"], "Start with torchrun"),
        (["--model", "demo", *APPLE, "--offload", "model"], "runs on the CPU"),
        (["--model", "demo", *APPLE, "--offload", "some"], "model, sequential, group"),
        (["--model", "demo", *APPLE, "--dtype", "int4"], "bfloat16, float16, float32"),
        (["--model", "demo", *APPLE, "--set", "Fn_compute=1"], "Fn_compute_blocks"),
        (["--model", "nowhere/at-all", *APPLE], "nowhere/at-all"),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_written(
    options: list[str], message: str, tmp_path: Path
) -> None:
    code, output = generate(*options, "--output", str(tmp_path / "out"), "--device", "cpu")
    assert code == 2
    assert message in " ".join(output.split())
    assert not (tmp_path / "out").exists()
