"""Whole pipelines over two ranks, everything spread and cached, draw what one process draws."""

from __future__ import annotations

import pytest

from cache_dit.verify.ranks import ranks
from tests.pipelines import whole_jobs

EXTRA = {
    "FluxControlNetPipeline/prompt": ["text_encoder", "text_encoder_2", "vae", "controlnet"],
    "FluxPipeline/prompt": ["text_encoder", "text_encoder_2", "vae"],
    "QwenImagePipeline/prompt": ["text_encoder", "vae"],
    "WanPipeline/prompt": ["text_encoder", "vae"],
}


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [{"ulysses_size": 2}, {"tp_size": 2}], ids=["ulysses", "tp"])
@pytest.mark.parametrize("name", EXTRA)
def test_two_ranks_draw_what_one_process_draws(name: str, sizes: dict[str, int]) -> None:
    for outcome in ranks(2).run(whole_jobs.whole, name, EXTRA[name], sizes):
        assert outcome.error < 1e-9
        own, alone = outcome.decisions
        assert own == alone
        assert all(0 < len(steps) < 4 for steps, _ in own)
        assert outcome.bytes_sent > 0
        assert 0 < outcome.tiles[0] < outcome.tiles[1]
        assert all(share < 0.9 for share in outcome.held.values()), outcome.held  # sight is whole
        assert outcome.left == set()
