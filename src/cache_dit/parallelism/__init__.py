"""Spreading a model over devices."""

from .config import ParallelismBackend, ParallelismConfig

__all__ = ["ParallelismBackend", "ParallelismConfig"]
