"""What every test may rely on: one thread, fixed seeds, no network."""

from __future__ import annotations

import ipaddress
import os
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Before torch and huggingface_hub are imported; processes started by a test inherit them.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import numpy as np
import pytest
import torch
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from cache_dit import BlockAdapterRegister
from cache_dit.parallelism import (
    ContextParallelismPlannerRegister,
    TensorParallelismPlannerRegister,
)

# The same examples in every run, and no deadline: the machine may be busy.
settings.register_profile("project", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("project")

EXAMPLES = Path(__file__).parents[1] / "examples"

torch.set_num_threads(1)  # two workers on two cores; and sums in one order


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


class RanksOnOneWorker(LoadScopeScheduling):
    """Tests over several ranks go to one worker, which starts the processes of the ranks once.

    They are known by their names. (Groups do the same where xdist can still rename items.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return "ranks" if "ranks" in nodeid or "/parallelism/" in nodeid else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> RanksOnOneWorker:
    return RanksOnOneWorker(config, log)


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def registrations_end_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for register in (
        BlockAdapterRegister,
        ContextParallelismPlannerRegister,
        TensorParallelismPlannerRegister,
    ):
        registry = register._registry
        registry.names()  # those of the package are there from now on
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    imported = set(sys.modules)
    yield
    # An example registers as it is imported: the next test that needs it imports it again.
    for name in set(sys.modules) - imported:
        if EXAMPLES in Path(getattr(sys.modules[name], "__file__", None) or "").parents:
            del sys.modules[name]


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Any connection that leaves this machine is an error."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not _is_loopback(str(address[0])):
            raise RuntimeError(f"a test must not use the network: connection to {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setattr(socket.socket, "connect_ex", guarded)
        yield


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")
