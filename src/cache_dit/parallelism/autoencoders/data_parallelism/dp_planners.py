"""All planners for autoencoders that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

AutoencoderKLDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl", "AutoencoderKLDataParallelismPlanner"
)
AutoencoderKLWanDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl_wan", "AutoencoderKLWanDataParallelismPlanner"
)
