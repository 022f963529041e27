"""Quantized layers: refused before the width is shared out, at home in it afterwards."""

from __future__ import annotations

import pytest

from cache_dit.verify import zoo
from cache_dit.verify.ranks import ranks
from tests.parallelism import quantized_jobs

WHY = {
    "EightBits": "is a EightBits that holds scale, as quantized layers do",
    "InBuffers": "is a InBuffers that holds scale and whole, as quantized layers do",
    "Float8": "is a Float8 that holds scale, as quantized layers do",
}


@pytest.mark.parametrize("kind", quantized_jobs.KINDS)
def test_a_quantized_model_is_refused_and_nothing_is_touched(kind: str) -> None:
    for said, touched in ranks(2).run(quantized_jobs.quantized_first, kind):
        assert WHY[kind] in said
        assert said.endswith("and quantize what every rank then holds.")
        assert touched == set()


@pytest.mark.parametrize("kind", quantized_jobs.KINDS)
def test_layers_that_are_replaced_by_quantized_ones_still_exchange(kind: str) -> None:
    """Scales go over the columns that a rank has: the result differs by less than by quantizing."""
    model = zoo.get("FluxTransformer2DModel").build()
    double, single = len(model.transformer_blocks), len(model.single_transformer_blocks)
    for error, rounding, calls, said, moved in ranks(2).run(
        quantized_jobs.quantized_afterwards, kind
    ):
        assert 0 < error < rounding
        assert calls == 4 * double + single
        assert "was replaced or quantized after its width was shared out" in said
        assert moved == 0.0
