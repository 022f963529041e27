"""Image models whose blocks hand on a stream of text beside the image, one function each.

An adapter states facts: where the blocks are, what a block takes and returns, whether the
conditional and the unconditional branch are separate calls. Classes are named, not imported: a
model that the installed diffusers lacks costs nothing. Other models are in the files beside this.
"""

from __future__ import annotations

from typing import Any

from ...intercept import unwrapped
from ..calibrator_config import ParamsModifier
from ..config import DBCacheConfig
from ..forward_pattern import Pattern_0, Pattern_1, Pattern_3
from .block_adapter import BlockAdapter
from .registers import BlockAdapterRegister

FLUX_LISTS = ["transformer_blocks", "single_transformer_blocks"]


def _relaxed_assert(transformer: Any, *class_names: str) -> None:
    """Raise `ValueError` unless the transformer is, or derives from, one of these classes."""
    model = unwrapped(transformer)
    if not any(cls.__name__ in class_names for cls in type(model).__mro__):
        raise ValueError(
            f"{type(model).__name__} is not one of {', '.join(class_names)}, for which this "
            "adapter is. Register an adapter for it, or give a BlockAdapter."
        )


def _both(pipe: Any, second: str) -> list[Any]:
    """The transformer of a pipeline, and the one that it may have under another name."""
    both = (pipe.transformer, getattr(pipe, second, None))
    return [each for each in both if each is not None]


@BlockAdapterRegister.register("Flux", "VisualCloze")
def flux_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """FLUX.1; guidance is distilled, and some pipelines add CFG in calls of its own."""
    _relaxed_assert(pipe.transformer, "FluxTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_1,
        has_separate_cfg=callable(pipe),
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Flux2")
def flux2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """FLUX.2 and Klein; the call that keeps the reference image's keys computes."""
    _relaxed_assert(pipe.transformer, "Flux2Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=[Pattern_1, Pattern_3],
        has_separate_cfg=callable(pipe),
        chained=True,
        compute_when=lambda call: call.get("kv_cache_mode") == "extract",
        **kwargs,
    )


@BlockAdapterRegister.register("Flux3")
def flux3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """FLUX.3; text and reference image hardly depend on the step, and decide for themselves."""
    _relaxed_assert(pipe.transformer, "Flux3Transformer2DModel")
    image, joint = "mode_blocks.image", "single_transformer_blocks"
    short = ParamsModifier(DBCacheConfig().reset(Fn_compute_blocks=1, Bn_compute_blocks=0))
    return BlockAdapter(
        pipe=pipe,
        blocks_name=["txt_mode_blocks", image, "mode_blocks.image_cond", joint],
        forward_pattern=[Pattern_3, Pattern_3, Pattern_3, Pattern_1],
        params_modifiers=[short, None, short, None],
        has_separate_cfg=True,
        chained=(image, joint),
        **kwargs,
    )


@BlockAdapterRegister.register("Chroma")
def chroma_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Chroma: text and image states are concatenated between the two lists."""
    _relaxed_assert(pipe.transformer, "ChromaTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=[Pattern_1, Pattern_3],
        has_separate_cfg=True,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("LongCatImage")
def longcat_image_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """LongCat-Image: built like FLUX.1, with CFG."""
    _relaxed_assert(pipe.transformer, "LongCatImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_1,
        has_separate_cfg=True,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("OvisImage")
def ovis_image_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Ovis-Image: built like FLUX.1, with CFG."""
    _relaxed_assert(pipe.transformer, "OvisImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_1,
        has_separate_cfg=True,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Bria")
def bria_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Bria 3: built like FLUX.1."""
    _relaxed_assert(pipe.transformer, "BriaTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_1,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("BriaFibo")
def bria_fibo_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Bria FIBO: every block gets a text layer of its own."""
    _relaxed_assert(pipe.transformer, "BriaFiboTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=[Pattern_1, Pattern_3],
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("HiDream")
def hidream_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HiDream: a text state of its own goes through every block and is cut off behind it."""
    _relaxed_assert(pipe.transformer, "HiDreamImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=["double_stream_blocks", "single_stream_blocks"],
        forward_pattern=[Pattern_0, Pattern_3],
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("AuraFlow")
def auraflow_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """AuraFlow: text and image states are concatenated between the two lists."""
    _relaxed_assert(pipe.transformer, "AuraFlowTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=["joint_transformer_blocks", "single_transformer_blocks"],
        forward_pattern=[Pattern_1, Pattern_3],
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("HunyuanImage")
def hunyuan_image_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HunyuanImage 2.1 and its refiner."""
    _relaxed_assert(pipe.transformer, "HunyuanImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("QwenImage")
def qwenimage_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Qwen-Image, with its editing, layered and ControlNet pipelines."""
    _relaxed_assert(pipe.transformer, "QwenImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_1,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("JoyImageEdit")
def joyimage_edit_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """JoyImage-Edit."""
    _relaxed_assert(pipe.transformer, "JoyImageEditTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="double_blocks",
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("JoyImageEditPlus")
def joyimage_edit_plus_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """JoyImage-Edit Plus: several reference images of any size."""
    _relaxed_assert(pipe.transformer, "JoyImageEditPlusTransformer3DModel")
    return BlockAdapter(pipe=pipe, blocks_name="double_blocks", forward_pattern=Pattern_0, **kwargs)


@BlockAdapterRegister.register("StableDiffusion3", "SD3")
def sd3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Stable Diffusion 3 and 3.5; skip-layer guidance is a branch of its own."""
    _relaxed_assert(pipe.transformer, "SD3Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_1,
        branch_on=("skip_layers",),
        **kwargs,
    )


@BlockAdapterRegister.register("CogView3Plus")
def cogview3plus_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """CogView 3 Plus."""
    _relaxed_assert(pipe.transformer, "CogView3PlusTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        **kwargs,
    )


@BlockAdapterRegister.register("CogView4")
def cogview4_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """CogView 4."""
    _relaxed_assert(pipe.transformer, "CogView4Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("GlmImage")
def glm_image_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """GLM-Image; calls that keep a reference image's keys compute."""
    _relaxed_assert(pipe.transformer, "GlmImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        compute_when=lambda call: (
            bool(call.get("kv_caches")) and call["kv_caches"][0].mode == "write"
        ),
        **kwargs,
    )
