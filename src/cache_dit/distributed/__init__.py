"""The newer name of `cache_dit.parallelism`: the same objects."""

from ..parallelism import *  # noqa: F403
from ..parallelism import __all__ as __all__
