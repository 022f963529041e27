"""The newer name of `cache_dit.parallelism`: the same objects."""

from ..parallelism import ParallelismBackend, ParallelismConfig

__all__ = ["ParallelismBackend", "ParallelismConfig"]
