"""Import one name from a module, so that a model that is missing costs only itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def safe_import(package: str) -> Callable[[str, str], Any]:
    """A function ``_safe_import(module, name)`` for relative imports within ``package``.

    Where the import fails, it returns a function that raises the same error, with its true cause,
    when it is called.
    """

    def _safe_import(module: str, name: str) -> Any:
        try:
            return getattr(import_module(module, package), name)
        except (ImportError, AttributeError) as error:
            cause = error

        def unavailable(*args: Any, **kwargs: Any) -> Any:
            raise ValueError(f"{name} is not available: {cause}.") from cause

        return unavailable

    return _safe_import
