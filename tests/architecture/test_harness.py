"""The promises of conftest.py hold: no network, one thread, the same random numbers."""

from __future__ import annotations

import random
import socket

import numpy as np
import pytest
import torch


def test_connections_that_leave_the_machine_are_refused() -> None:
    with socket.socket() as client:
        for connect in (client.connect, client.connect_ex):
            with pytest.raises(RuntimeError, match="must not use the network"):
                connect(("192.0.2.1", 80))


def test_connections_within_the_machine_work() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        client.sendall(b"hello")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"


@pytest.mark.parametrize("repetition", [1, 2])
def test_each_test_draws_the_same_numbers(repetition: int) -> None:
    drawn = (random.random(), float(np.random.rand()), float(torch.rand(())))
    assert drawn == pytest.approx((0.8444218515, 0.5488135039, 0.4962565899))


def test_torch_runs_on_one_thread() -> None:
    assert torch.get_num_threads() == 1
