"""Sana: linear attention, and feed-forward that convolves the picture.

A picture is split by rows and a video by frames, so that a convolution looks across the borders
only. The state of linear attention is a sum over tokens. Where it goes from frame to frame instead,
heads are exchanged for tokens.
"""

from __future__ import annotations

from typing import Any, ClassVar

from torch import nn

from ...context_plan import (
    Plan,
    attention,
    count,
    gather,
    measure,
    neighbours,
    split,
    sums,
    to_heads,
    to_tokens,
)
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

HEADS: dict[Any, Any] = {
    **dict.fromkeys(("query", "key", "value"), to_heads(1, 2, of="x")),
    "token_valid_mask": gather(1, "x"),
    0: to_tokens(1, 2, of="x"),
}
LINEAR: dict[Any, Any] = {
    **HEADS,
    **dict.fromkeys(("beta", "decay"), to_heads(2, 1, of="frames")),
    **dict.fromkeys(("num_frames", "beta_valid_mask", "decay_valid_mask"), gather(2, "frames")),
}


def config_of(transformer: nn.Module) -> Any:
    """The model's config, which its class knows and `nn.Module` does not."""
    return transformer.config


def split_along(stream: str) -> dict[str, Any]:
    """The plan of blocks whose tokens stay together in rows or frames."""
    return {
        "": {"controlnet_block_samples": split(1, name="residuals", along=stream)},
        "transformer_blocks.0": {"hidden_states": split(1, along=stream)},
        "proj_out": gather(1),
    }


def look_around(convolution: Any) -> dict[Any, Any]:
    """A convolution over frames, forwards and backwards."""
    reach = convolution.kernel_size - 1
    return neighbours("x", reach, hidden_states=1, num_frames=0, output=1)


@ContextParallelismPlannerRegister.register("SanaTransformer2DModel")
class SanaContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **split_along("rows"),
        "transformer_blocks.*": {"height": count("rows")},
        "transformer_blocks.*.attn1": sums("matmul"),
        "transformer_blocks.*.ff.conv_depth": neighbours("rows", 1, input=2, output=2),
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """A row is one of patches."""
        rows = measure(2, "rows", every=config_of(transformer).patch_size)
        return [self.plan, {"": {"hidden_states": rows}}]


@ContextParallelismPlannerRegister.register("SanaVideo")
class SanaVideoContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        **split_along("frames"),
        "transformer_blocks.*": {
            "frames": count("frames"),
            "timestep": split(1, of="hidden_states"),
            "rotary_emb": split(1, of="hidden_states"),
        },
        "transformer_blocks.*.attn1": sums("matmul", "Tensor.sum"),
        "transformer_blocks.*.ff.conv_temp": neighbours("frames", 1, input=2, output=2),
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """A frame is one of patches."""
        frames = measure(2, "frames", every=config_of(transformer).patch_size[0])
        return [self.plan, {"": {"hidden_states": frames}}]


@ContextParallelismPlannerRegister.register("SanaWMTransformer")
class SanaWMContextParallelismPlanner(ContextParallelismPlanner):
    """Some blocks have softmax attention; in the others a state goes from frame to frame."""

    plan: ClassVar[Plan] = {
        "": {"hidden_states": measure(2, "frames")},
        "blocks.0": {"x": split(1, along="frames")},
        "blocks.*": {
            "t": split(2, of="frames"),
            "THW": [count("frames"), None, None],
            "plucker_emb": split(1, of="x"),
            "frame_valid_mask": split(-3, of="frames", expected_dims=5),
        },
        "blocks.*.mlp.t_conv": neighbours("frames", 1, input=2, output=2),
        "blocks.-1": gather(1, "x"),
    }
    softmax: ClassVar[Plan] = {
        "attn": (attention("x"), {"rotary_emb": split(2, of="x")}),
        "cam_attn": HEADS,  # it has a mask only if some token is not valid, which ranks must share
    }

    def plans(self, transformer: nn.Module) -> list[Plan]:
        """What is done to attention depends on its kind."""
        found: dict[str, Any] = {}
        for index, block in enumerate(transformer.get_submodule("blocks").children()):
            parts = dict(block.get_submodule("attn").named_children())
            linear = "beta_proj" in parts and "conv_k" in parts
            inner: Plan = {"attn": LINEAR, "cam_attn": LINEAR} if linear else self.softmax
            short = {name: part for name, part in parts.items() if name.startswith("conv_")}
            inner = {**inner, **{name: look_around(part) for name, part in short.items()}}
            found |= {f"blocks.{index}.attn.{name}": entry for name, entry in inner.items()}
        return [self.plan, found]
