"""How far an accelerated picture is from the reference: `value, count = compute_psnr(a, b)`."""

from __future__ import annotations

from cache_dit.metrics.lpips import compute_lpips
from cache_dit.metrics.pixel import Score, compute_mse, compute_psnr, compute_ssim

__all__ = ["Score", "compute_lpips", "compute_mse", "compute_psnr", "compute_ssim"]
