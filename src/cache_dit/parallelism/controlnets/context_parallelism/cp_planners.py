"""All context-parallel planners of ControlNets that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

CosmosControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_cosmos", "CosmosControlNetContextParallelismPlanner"
)
FluxControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_flux", "FluxControlNetContextParallelismPlanner"
)
HunyuanDiTControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "HunyuanDiTControlNetContextParallelismPlanner"
)
QwenImageControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_qwen_image", "QwenImageControlNetContextParallelismPlanner"
)
SD3ControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_sd3", "SD3ControlNetContextParallelismPlanner"
)
SanaControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_sana", "SanaControlNetContextParallelismPlanner"
)
ZImageControlNetContextParallelismPlanner = _safe_import(
    ".cp_plan_z_image", "ZImageControlNetContextParallelismPlanner"
)
