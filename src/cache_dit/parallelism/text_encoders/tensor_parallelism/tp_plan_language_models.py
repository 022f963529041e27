"""Language models, whose plans are transformers' own."""

from __future__ import annotations

from .tp_plan_registers import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)

FAMILIES = (
    "Gemma",
    "Glm",
    "Llama",
    "Llava",
    "Ministral",
    "Mistral",
    "Phi",
    "Qwen2",
    "Qwen3",
    "SmolLM",
    "T5Gemma",
)
"""Those that pipelines use; others are found by what they consist of."""

LanguageModelTensorParallelismPlanner = TextEncoderTensorParallelismPlannerRegister.register(
    *FAMILIES
)(TextEncoderTensorParallelismPlanner)


@TextEncoderTensorParallelismPlannerRegister.register("Gemma4ForConditionalGeneration")
class Gemma4TensorParallelismPlanner(TextEncoderTensorParallelismPlanner):
    """It reads the weight of its embedding directly; that of every layer is shared out."""

    shares_words = False
