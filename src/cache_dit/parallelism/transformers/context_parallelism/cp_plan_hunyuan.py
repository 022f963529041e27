"""HunyuanVideo and HunyuanImage: image and text attend together, with a mask over both."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from ....intercept import parameter_names
from ...context_plan import Plan, attention, count, gather, split, whole
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

JOINT = ("hidden_states", "encoder_hidden_states")
BOTH = {"hidden_states": split(1), "encoder_hidden_states": split(1)}
TOGETHER = {
    "transformer_blocks.0": BOTH,
    "transformer_blocks.*.attn": attention(*JOINT),
    "single_transformer_blocks.*.attn": attention(*JOINT),
    "single_transformer_blocks.-1": [gather(1), gather(1, "encoder_hidden_states")],
}
ROTARY = {"image_rotary_emb": split(0, of="hidden_states")}
FIRST_FRAME = {"num_tokens": count("hidden_states")}


@ContextParallelismPlannerRegister.register("HunyuanVideoTransformer3DModel")
class HunyuanVideoContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **TOGETHER,
        "transformer_blocks.*": {"freqs_cis": split(0, of="hidden_states")},
        "single_transformer_blocks.*": ROTARY,
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Some models treat the tokens of the first frame in another way."""
        replaces = "num_tokens" in parameter_names(
            transformer.get_submodule("transformer_blocks.0")
        )
        lists = ("transformer_blocks.*", "single_transformer_blocks.*")
        return [self.plan, dict.fromkeys(lists, FIRST_FRAME)] if replaces else [self.plan]


@ContextParallelismPlannerRegister.register("HunyuanVideoFramepack")
class HunyuanVideoFramepackContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **TOGETHER,
        "transformer_blocks.*": {"freqs_cis": split(0, of="hidden_states")},
        "single_transformer_blocks.*": ROTARY,
    }


@ContextParallelismPlannerRegister.register("HunyuanImageTransformer")
class HunyuanImageContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **TOGETHER,
        "transformer_blocks.*": ROTARY,
        "single_transformer_blocks.*": ROTARY,
    }


@ContextParallelismPlannerRegister.register("HunyuanVideo15Transformer")
class HunyuanVideo15ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": BOTH,
        "transformer_blocks.*": {
            "freqs_cis": split(0, of="hidden_states"),
            "attention_mask": split(1, of="encoder_hidden_states"),
        },
        "transformer_blocks.*.attn": attention(*JOINT),
        "transformer_blocks.-1": [gather(1), gather(1, "encoder_hidden_states")],
    }


@ContextParallelismPlannerRegister.register("MotifVideo")
class MotifVideoContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **TOGETHER,
        "transformer_blocks.*": ROTARY,
        "single_transformer_blocks.*": ROTARY,
        "single_transformer_blocks.-1": [gather(1), None],
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """Blocks may attend to all text apart; the last ones may be a decoder of the video."""
        blocks = len(list(transformer.get_submodule("single_transformer_blocks").children()))
        first = blocks - int(getattr(transformer.config, "num_decoder_layers", 0))
        both = attention("hidden_states", "hidden_states")
        decoder: dict[str, Any] = {
            f"single_transformer_blocks.{index}.attn": both for index in range(first, blocks)
        }
        if decoder:
            anew = {"hidden_states": split(1, of="hidden_states")}
            decoder[f"single_transformer_blocks.{first}"] = anew
        text = whole("encoder_hidden_states", encoder_hidden_states=1, output=None)
        names = [name for name, _ in transformer.named_modules() if name.endswith(".cross_attn")]
        return [self.plan, dict.fromkeys(names, text), decoder]
