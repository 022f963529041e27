"""Every autoencoder of diffusers is verified, or there is a reason why not."""

from __future__ import annotations

import diffusers
import pytest
import torch
from diffusers.models import autoencoders as of_diffusers
from torch import nn

from cache_dit.parallelism import AutoEncoderDataParallelismPlannerRegister as Register
from cache_dit.verify import autoencoders
from cache_dit.verify.axes import verify_model


def test_no_class_is_missing() -> None:
    classes = [each for each in vars(of_diffusers).values() if isinstance(each, type)]
    models = {each.__name__ for each in classes if issubclass(each, nn.Module)}
    known = {entry.class_name for entry in autoencoders.ENTRIES.values()}
    assert models - known == set()


def test_whatever_has_tiles_has_a_planner() -> None:
    for entry in autoencoders.TILED.values():
        assert Register.find_planner(entry.class_name), entry.name


def test_an_unknown_autoencoder_is_not_taken_for_one_whose_name_its_name_begins_with() -> None:
    with pytest.raises(ValueError, match=r"AutoencoderKLNew\. Closest: .*AutoencoderKL"):
        Register.get_planner("AutoencoderKLNew")


def test_the_reason_why_there_is_none_is_in_the_report() -> None:
    report = verify_model("AutoencoderKLCosmos", "vae")
    assert report.ok is None
    assert "a switch for tiling, which nothing asks" in report.reason


@pytest.mark.parametrize("name", ["AutoencoderKL", "AutoencoderKLHunyuanVideo15"])
def test_an_entry_has_the_same_weights_every_time(name: str) -> None:
    one, other = (autoencoders.TILED[name].build().state_dict() for _ in range(2))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_hunyuan_image_cannot_encode_tiles_in_diffusers_itself() -> None:
    entry = autoencoders.TILED["AutoencoderKLHunyuanImage"]
    vae = entry.build()
    assert isinstance(vae, diffusers.AutoencoderKLHunyuanImage)
    with pytest.raises(ValueError, match="not enough values to unpack"):
        vae.tiled_encode(entry.input("encode"))
