"""All tensor-parallel planners that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

FluxTensorParallelismPlanner = _safe_import(".tp_plan_flux", "FluxTensorParallelismPlanner")
QwenImageTensorParallelismPlanner = _safe_import(
    ".tp_plan_qwen_image", "QwenImageTensorParallelismPlanner"
)
WanTensorParallelismPlanner = _safe_import(".tp_plan_wan", "WanTensorParallelismPlanner")
