"""Models that are proven by name, where the installed libraries have them: older ones lack some."""

from __future__ import annotations

import pytest

from cache_dit.verify.axes import AXES, Report, verify_model


def installed(name: str, axis: str = "cache") -> str:
    """The name; skips the test where there is no such class."""
    if not AXES[axis].get(name).available:
        pytest.skip(f"{name}: not in the installed version of diffusers or transformers")
    return name


def verified(name: str, axis: str = "cache", *, every_setting: bool = False) -> Report:
    """What `verify_model` says of the model; skips the test where there is no such class."""
    return verify_model(installed(name, axis), axis, every_setting=every_setting)
