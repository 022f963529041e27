"""The embedded pipeline behaves like one of diffusers' own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cache_dit.demo import EmojiPipeline, load_demo_pipeline
from cache_dit.demo.pipeline import to_pixels, to_tokens

CAPTIONS = ["3d red apple on sky", "flat cat on mint"]


@pytest.fixture(scope="module")
def pipe() -> EmojiPipeline:
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe: EmojiPipeline, seed: int = 0, **options: Any) -> np.ndarray:
    generator = torch.Generator().manual_seed(seed)
    values = {"prompt": CAPTIONS, "num_inference_steps": 3, "output_type": "np"} | options
    return pipe(generator=generator, **values).images


@contextmanager
def contexts_counted(pipe: EmojiPipeline, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    names: Counter[str] = Counter()
    original = pipe.transformer.cache_context

    def counting(name: str) -> Any:
        names[name] += 1
        return original(name)

    with monkeypatch.context() as patch:
        patch.setattr(pipe.transformer, "cache_context", counting)
        yield names


def test_saving_and_loading_gives_the_same_pictures(pipe: EmojiPipeline, tmp_path: Path) -> None:
    pipe.save_pretrained(tmp_path)
    loaded = EmojiPipeline.from_pretrained(tmp_path)
    loaded.set_progress_bar_config(disable=True)
    assert np.array_equal(draw(loaded), draw(pipe))


def test_a_seed_decides_the_pictures(pipe: EmojiPipeline) -> None:
    first = draw(pipe)
    assert first.shape == (2, 32, 32, 3)
    assert np.array_equal(first, draw(pipe))
    assert not np.allclose(first, draw(pipe, seed=1), atol=0.1)


def test_the_model_is_trained(pipe: EmojiPipeline) -> None:
    apple, background = draw(pipe, num_inference_steps=12)[0][[16, 1], [16, 1]]
    assert apple[0] > apple[2] + 0.3, "the middle of a red apple is red"
    assert background[2] > background[0], "the corner of a sky background is blue"


def test_guidance_runs_two_branches(pipe: EmojiPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    with contexts_counted(pipe, monkeypatch) as names:
        guided = draw(pipe, guidance_scale=3.0)
    assert names == {"cond": 3, "uncond": 3}
    with contexts_counted(pipe, monkeypatch) as names:
        unguided = draw(pipe, guidance_scale=1.0)
    assert names == {"cond": 3}
    assert not np.allclose(guided, unguided, atol=0.01)


def test_a_negative_prompt_changes_the_picture(pipe: EmojiPipeline) -> None:
    plain = draw(pipe)
    assert not np.allclose(plain, draw(pipe, negative_prompt="flat"), atol=0.01)
    assert np.array_equal(plain, draw(pipe, negative_prompt=["", ""]))
    with pytest.raises(ValueError, match="3 negative prompts do not fit 2 prompts"):
        draw(pipe, negative_prompt=["flat", "flat", "flat"])


def test_latents_replace_the_generator(pipe: EmojiPipeline) -> None:
    noise = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(draw(pipe), draw(pipe, seed=5, latents=noise))
    with pytest.raises(ValueError, match=r"2 captions need \(2, 3, 32, 32\)"):
        draw(pipe, latents=noise[:1])


def test_the_callback_sees_each_step_and_may_stop_the_run(pipe: EmojiPipeline) -> None:
    seen = []

    def stop_after_two(pipe: EmojiPipeline, step: int, t: Any, values: dict[str, Any]) -> dict:
        seen.append((step, values["latents"].shape))
        pipe._interrupt = step == 1
        return {}

    draw(pipe, num_inference_steps=4, callback_on_step_end=stop_after_two)
    assert seen == [(0, (2, 3, 32, 32)), (1, (2, 3, 32, 32))]
    assert np.array_equal(draw(pipe), draw(pipe)), "the next run is whole again"


def test_output_types(pipe: EmojiPipeline) -> None:
    pixels = draw(pipe)
    images = draw(pipe, output_type="pil")
    assert [image.size for image in images] == [(32, 32), (32, 32)]
    assert np.abs(np.asarray(images[0]) / 255 - pixels[0]).max() <= 0.5 / 255 + 1e-6
    tensor = draw(pipe, output_type="pt")
    assert np.array_equal(tensor.permute(0, 2, 3, 1).numpy(), pixels)
    (tuple_images,) = pipe(
        CAPTIONS,
        num_inference_steps=3,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        return_dict=False,
    )
    assert np.array_equal(tuple_images, pixels)


def test_patches_are_cut_row_by_row_and_put_together_again() -> None:
    pixels = torch.arange(3 * 32 * 32.0).view(1, 3, 32, 32)
    tokens = to_tokens(pixels)
    assert torch.equal(tokens[0, 9].view(3, 4, 4), pixels[0, :, 4:8, 4:8])
    assert torch.equal(to_pixels(tokens), pixels)
