"""All tensor-parallel planners of text encoders that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

BertTensorParallelismPlanner = _safe_import(".tp_plan_bert", "BertTensorParallelismPlanner")
CLIPTextTensorParallelismPlanner = _safe_import(
    ".tp_plan_clip_text", "CLIPTextTensorParallelismPlanner"
)
Gemma4TensorParallelismPlanner = _safe_import(
    ".tp_plan_language_models", "Gemma4TensorParallelismPlanner"
)
LanguageModelTensorParallelismPlanner = _safe_import(
    ".tp_plan_language_models", "LanguageModelTensorParallelismPlanner"
)
T5EncoderTensorParallelismPlanner = _safe_import(
    ".tp_plan_t5_encoder", "T5EncoderTensorParallelismPlanner"
)
