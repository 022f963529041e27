"""Tiles of autoencoders over several ranks: what one process makes, each tile computed once."""

from __future__ import annotations

import pytest

from cache_dit.verify import autoencoders
from tests.installed import verified

TELLING = [  # one of each way to compute tiles
    "AutoencoderKL",
    "AutoencoderKLCogVideoX",  # features are handed on from call to call
    "AutoencoderKLHunyuanVideo/tiles_in_time",  # tiles within tiles
    "AutoencoderKLWan",  # features are kept on the model
]


@pytest.mark.slow
@pytest.mark.parametrize("name", TELLING)
def test_two_ranks_give_exactly_what_one_process_gives(name: str) -> None:
    report = verified(name, "vae")
    assert report.ok, str(report)
    assert report.max_rel_error == 0.0


@pytest.mark.nightly
@pytest.mark.parametrize("name", autoencoders.TILED)
def test_every_autoencoder_over_two_three_and_four_ranks(name: str) -> None:
    report = verified(name, "vae", every_setting=True)
    assert report.ok, str(report)
