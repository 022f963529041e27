"""Commands join the processes that torchrun started, and work alone."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist

from cache_dit.launch import joined
from cache_dit.verify.ranks import ranks


def test_alone_nothing_is_initialised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    with joined("cpu") as place:
        assert (place.rank, place.size, place.first) == (0, 1, True)
        assert place.device == torch.device("cpu")
        assert not dist.is_initialized()


def test_what_torchrun_started_is_joined_and_left_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "localhost"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "0")
    with joined("cpu") as place:
        assert dist.is_initialized() and place.size == 1
    assert not dist.is_initialized()


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "'gpu': unknown"), (f"cuda:{torch.cuda.device_count()}", "torch finds")],
)
def test_a_device_that_is_not_there_is_told(device: str, message: str) -> None:
    with pytest.raises(ValueError, match=message), joined(device):
        pass


def here(device: str) -> tuple[int, int, bool]:
    with joined(device) as place:
        found = place.rank, place.size
    return *found, dist.is_initialized()


def test_ranks_that_are_joined_already_stay_so() -> None:
    assert ranks(2).run(here, "cpu") == [(0, 2, True), (1, 2, True)]
