"""All context-parallel planners that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

FluxContextParallelismPlanner = _safe_import(".cp_plan_flux", "FluxContextParallelismPlanner")
HunyuanVideoContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "HunyuanVideoContextParallelismPlanner"
)
QwenImageContextParallelismPlanner = _safe_import(
    ".cp_plan_qwen_image", "QwenImageContextParallelismPlanner"
)
SD3ContextParallelismPlanner = _safe_import(".cp_plan_sd3", "SD3ContextParallelismPlanner")
WanContextParallelismPlanner = _safe_import(".cp_plan_wan", "WanContextParallelismPlanner")
