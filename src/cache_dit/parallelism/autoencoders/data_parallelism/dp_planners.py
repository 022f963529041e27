"""All planners for autoencoders that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

AutoencoderKLDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl", "AutoencoderKLDataParallelismPlanner"
)
AutoencoderKLMiniMaxH3DataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl", "AutoencoderKLMiniMaxH3DataParallelismPlanner"
)
AutoencoderKLCogVideoXDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl_cogvideox", "AutoencoderKLCogVideoXDataParallelismPlanner"
)
AutoencoderKLLTXVideoDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl", "AutoencoderKLLTXVideoDataParallelismPlanner"
)
AutoencoderKLMagvitDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl_wan", "AutoencoderKLMagvitDataParallelismPlanner"
)
AutoencoderKLWanDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl_wan", "AutoencoderKLWanDataParallelismPlanner"
)
AutoencoderVidTokDataParallelismPlanner = _safe_import(
    ".dp_plan_autoencoder_kl_wan", "AutoencoderVidTokDataParallelismPlanner"
)
