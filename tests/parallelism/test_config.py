"""`ParallelismConfig`: what it takes, and how it refuses the rest."""

from __future__ import annotations

import pytest

from cache_dit import ParallelismBackend, ParallelismConfig, load_configs


@pytest.mark.parametrize(
    ("name", "backend"),
    [
        ("none", ParallelismBackend.NONE),
        ("NATIVE_DIFFUSER", ParallelismBackend.CACHE_DIT),
        ("Native_PyTorch", ParallelismBackend.NATIVE_PYTORCH),
    ],
)
def test_a_file_names_the_backend(name: str, backend: ParallelismBackend) -> None:
    loaded = load_configs({"parallelism_config": {"ulysses_size": 2, "backend": name}})
    assert loaded["parallelism_config"].backend is backend


@pytest.mark.parametrize("name", ["nccl", None, 3])
def test_an_unknown_backend_is_an_error_that_names_all(name: object) -> None:
    with pytest.raises(
        ValueError, match=r"backend=.*expected one of AUTO, .*NATIVE_DIFFUSER.*NONE"
    ):
        ParallelismConfig(backend=name)  # type: ignore[arg-type]


def test_an_unknown_old_key_names_the_closest() -> None:
    with pytest.raises(ValueError, match="Closest: ulysses_size"):
        ParallelismConfig(parallel_kwargs={"ulyses_size": 2})
