"""A mask is gathered and cut once in a call, and anew whenever it has changed."""

from __future__ import annotations

import pytest
import torch

from cache_dit import ParallelismConfig
from cache_dit.parallelism.mask import Mask, Masks
from cache_dit.parallelism.mesh import Mesh
from cache_dit.parallelism.sequence import Counted, Layout
from cache_dit.verify.ranks import ranks
from tests.parallelism import mask_jobs as jobs

LAYOUT = Layout((4, 3), 1)


def of(masks: Masks, mask: torch.Tensor | None, causal: bool = False) -> Mask:
    return masks.of(Mesh.of(ParallelismConfig()), LAYOUT, LAYOUT, mask, causal)


def padding() -> torch.Tensor:
    return torch.arange(7)[None] < 5


def test_a_mask_is_known_again_by_its_memory() -> None:
    masks, mask = Masks(), padding()
    assert of(masks, mask[:, None, None]) is of(masks, mask[:, None, None])
    assert of(masks, mask) is not of(masks, mask.clone())
    assert of(masks, mask) is not of(masks, mask, causal=True)
    assert of(masks, None, causal=True) is of(masks, None, causal=True)


def test_a_mask_that_was_written_into_is_another() -> None:
    masks, mask = Masks(), padding()
    before = of(masks, mask[:, None, None]).block(0, mask.device)
    mask[0, 0] = False
    after = of(masks, mask[:, None, None]).block(0, mask.device)
    assert before is not None
    assert after is not None
    assert not torch.equal(before, after)


def test_what_is_not_known_for_certain_is_made_anew() -> None:
    masks = Masks()
    with torch.inference_mode():  # without versions
        mask = padding()
        assert of(masks, mask) is not of(masks, mask)
    short, mesh = Layout((3, 1), 3), Mesh.of(ParallelismConfig())
    mask = torch.ones(1, 1, 1, 4, dtype=torch.bool)
    assert masks.of(mesh, short, short, mask, False) is not masks.of(
        mesh, short, short, mask, False
    )


def test_lengths_that_were_asked_for_take_no_mask() -> None:
    counted, mesh = Counted((7,)), Mesh.of(ParallelismConfig())
    with pytest.raises(ValueError, match="whose lengths were asked for"):
        Masks().of(mesh, counted, counted, padding(), False)


def test_masks_made_for_each_layer_are_not_kept() -> None:
    masks = Masks()
    for _ in range(10):
        of(masks, padding())
    assert len(masks) == Masks.MOST
    masks.forget()
    assert len(masks) == 0


@pytest.mark.parametrize(
    ("name", "gathers"),
    [
        ("HunyuanVideoTransformer3DModel", 2),  # picture and text at the end; ten attentions
        ("LongCatAudioDiTTransformer", 2),  # the output, and the mask of the tokens here, once
    ],
)
def test_all_gathers_and_cuts_of_one_call(name: str, gathers: int) -> None:
    for gathered, cut, left in ranks(2).run(jobs.counted, name):
        assert gathered == gathers
        assert cut == 1
        assert left == 0
