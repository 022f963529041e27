"""The models that the cache knows, one function each."""

from __future__ import annotations

from typing import Any

from ..forward_pattern import ForwardPattern
from .block_adapter import BlockAdapter
from .registers import BlockAdapterRegister


def _relaxed_assert(transformer: Any, *class_names: str) -> None:
    """Raise `ValueError` unless the transformer is, or derives from, one of these classes."""
    model = getattr(transformer, "_orig_mod", transformer)
    if not any(cls.__name__ in class_names for cls in type(model).__mro__):
        raise ValueError(
            f"{type(model).__name__} is not one of {', '.join(class_names)}, for which this "
            "adapter is. Register an adapter for it, or give a BlockAdapter."
        )


@BlockAdapterRegister.register("Flux")
def flux_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """FLUX.1: double and single blocks under one decision."""
    transformer = pipe.transformer
    _relaxed_assert(transformer, "FluxTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=transformer,
        blocks=[transformer.transformer_blocks, transformer.single_transformer_blocks],
        forward_pattern=ForwardPattern.Pattern_1,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("QwenImage")
def qwenimage_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Qwen-Image, with its editing and ControlNet pipelines."""
    _relaxed_assert(pipe.transformer, "QwenImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=pipe.transformer,
        blocks=pipe.transformer.transformer_blocks,
        forward_pattern=ForwardPattern.Pattern_1,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Wan")
def wan_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Wan 2.1 and 2.2; the latter has a transformer for high and one for low noise."""
    both = (pipe.transformer, getattr(pipe, "transformer_2", None))
    transformers = [each for each in both if each is not None]
    for each in transformers:
        _relaxed_assert(each, "WanTransformer3DModel", "WanVACETransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=transformers,
        blocks=[each.blocks for each in transformers],
        forward_pattern=ForwardPattern.Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("StableDiffusion3", "SD3")
def sd3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Stable Diffusion 3 and 3.5; skip-layer guidance is a branch of its own."""
    _relaxed_assert(pipe.transformer, "SD3Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=pipe.transformer,
        blocks=pipe.transformer.transformer_blocks,
        forward_pattern=ForwardPattern.Pattern_1,
        branch_on=("skip_layers",),
        **kwargs,
    )


@BlockAdapterRegister.register("HunyuanDiT")
def hunyuandit_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HunyuanDiT: blocks of the second half take the output of their mirror image."""
    _relaxed_assert(pipe.transformer, "HunyuanDiT2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=pipe.transformer,
        blocks=pipe.transformer.blocks,
        forward_pattern=ForwardPattern.Pattern_3,
        long_skip="skip",
        **kwargs,
    )


@BlockAdapterRegister.register("HiDream")
def hidream_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HiDream: every block gets a text state of its own appended, which is cut off behind it."""
    transformer = pipe.transformer
    _relaxed_assert(transformer, "HiDreamImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=transformer,
        blocks=[transformer.double_stream_blocks, transformer.single_stream_blocks],
        forward_pattern=[ForwardPattern.Pattern_0, ForwardPattern.Pattern_3],
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Chroma")
def chroma_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Chroma: text and image states are concatenated between the two lists."""
    transformer = pipe.transformer
    _relaxed_assert(transformer, "ChromaTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=transformer,
        blocks=[transformer.transformer_blocks, transformer.single_transformer_blocks],
        forward_pattern=[ForwardPattern.Pattern_1, ForwardPattern.Pattern_3],
        has_separate_cfg=True,
        chained=True,
        **kwargs,
    )
