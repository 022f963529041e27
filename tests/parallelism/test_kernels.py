"""Kernels of diffusers' registry attend to the heads that were exchanged."""

from __future__ import annotations

from typing import Any

import pytest

from cache_dit.parallelism.sequence import shares
from cache_dit.verify.ranks import ranks
from tests.parallelism import jobs

ULYSSES, RING = {"ulysses_size": 2}, {"ring_size": 2}
GATHERED = {"ring_size": 2, "ring_rotate_method": "allgather"}
WAN, FLUX = "WanTransformer3DModel", "FluxTransformer2DModel"


@pytest.mark.parametrize("name", [WAN, FLUX])
@pytest.mark.parametrize("config", [ULYSSES, RING, GATHERED], ids=["ulysses", "ring", "gathered"])
def test_a_kernel_is_reached_over_all_tokens(config: dict[str, Any], name: str) -> None:
    alone = ranks(2).run(jobs.with_kernel, name, {}, True)
    spread = ranks(2).run(jobs.with_kernel, name, config, True)
    for rank, ((_, whole), (error, shapes)) in enumerate(zip(alone, spread, strict=True)):
        assert error < 1e-12
        for batch, tokens, heads, width in set(whole):
            all_tokens_of_half_the_heads = (batch, tokens, heads // 2, width)
            tokens_here = shares(tokens, 2)[rank]
            half_the_tokens = (batch, tokens_here, heads, width)
            wanted = all_tokens_of_half_the_heads if config is ULYSSES else half_the_tokens
            assert wanted in shapes


def test_a_kernel_without_the_log_of_the_sum_is_refused_by_a_ring_of_p2p() -> None:
    for said in ranks(2).run(jobs.refused_kernel, WAN, RING):
        assert "'_native_math' does not give the log of the sum" in said
        assert "Use ring_rotate_method='allgather'" in said


@pytest.mark.parametrize("name", ["_native_flash", "flex"])
def test_kernels_that_torch_brings_along(name: str) -> None:
    for error in ranks(2).run(jobs.backend_error, WAN, ULYSSES, name):
        assert error < 1e-5
