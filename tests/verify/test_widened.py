"""Single precision that a model asks for is double precision while it is verified."""

from __future__ import annotations

import torch

from cache_dit.verify.widened import widened


def test_no_number_is_rounded_to_single_precision() -> None:
    third = torch.tensor(1.0, dtype=torch.float64) / 3
    with widened():
        ways = [
            third.float(),
            third.to(torch.float32),
            third.to(dtype=torch.float32),
            third.type(torch.float32),
            torch.tensor(1.0) / 3,
            torch.full((), 1.0, dtype=torch.float32) / 3,
        ]
        turned = torch.polar(torch.ones(1, dtype=torch.float32), third.float().view(1))
    assert all(torch.equal(way, third) for way in ways)
    assert turned.dtype is torch.complex128


def test_afterwards_everything_is_as_it_was() -> None:
    with widened():
        pass
    assert torch.get_default_dtype() is torch.float32
    assert torch.zeros(1, dtype=torch.float64).float().dtype is torch.float32
