"""Image models of one stream: text is attended to, or stands in the same sequence."""

from __future__ import annotations

from typing import Any

from ..forward_pattern import Pattern_2, Pattern_3
from .adapters import _both, _relaxed_assert
from .block_adapter import BlockAdapter
from .registers import BlockAdapterRegister


@BlockAdapterRegister.register("BriaFibo2")
def bria_fibo2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Bria FIBO 2: some blocks attend to a text layer of their own."""
    _relaxed_assert(pipe.transformer, "BriaFibo2Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="layers",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("DiT")
def dit_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """DiT: images of ImageNet classes."""
    _relaxed_assert(pipe.transformer, "DiTTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_3,
        **kwargs,
    )


@BlockAdapterRegister.register("ErnieImage")
def ernie_image_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """ERNIE-Image."""
    _relaxed_assert(pipe.transformer, "ErnieImageTransformer2DModel")
    return BlockAdapter(pipe=pipe, blocks_name="layers", forward_pattern=Pattern_3, **kwargs)


@BlockAdapterRegister.register("HunyuanDiT")
def hunyuandit_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HunyuanDiT: blocks of the second half take the output of their mirror image."""
    _relaxed_assert(pipe.transformer, "HunyuanDiT2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        long_skip="skip",
        **kwargs,
    )


@BlockAdapterRegister.register("Ideogram4")
def ideogram4_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Ideogram 4; the unconditional branch has a transformer of its own."""
    transformers = _both(pipe, "unconditional_transformer")
    for each in transformers:
        _relaxed_assert(each, "Ideogram4Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        transformer=transformers,
        blocks_name="layers",
        forward_pattern=Pattern_3,
        **kwargs,
    )


@BlockAdapterRegister.register("Krea2")
def krea2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Krea 2."""
    _relaxed_assert(pipe.transformer, "Krea2Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_3,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Lumina")
def lumina_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Lumina-Next."""
    _relaxed_assert(pipe.transformer, "LuminaNextDiT2DModel")
    return BlockAdapter(pipe=pipe, blocks_name="layers", forward_pattern=Pattern_2, **kwargs)


@BlockAdapterRegister.register("Lumina2")
def lumina2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Lumina 2; the unconditional calls end before the run does."""
    _relaxed_assert(pipe.transformer, "Lumina2Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="layers",
        forward_pattern=Pattern_3,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("NucleusMoEImage")
def nucleus_image_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Nucleus-Image, a mixture of experts."""
    _relaxed_assert(pipe.transformer, "NucleusMoEImageTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("OmniGen")
def omnigen_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """OmniGen: words, reference images and the image in one sequence."""
    _relaxed_assert(pipe.transformer, "OmniGenTransformer2DModel")
    return BlockAdapter(pipe=pipe, blocks_name="layers", forward_pattern=Pattern_3, **kwargs)


@BlockAdapterRegister.register("PixArt")
def pixart_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """PixArt-alpha and PixArt-Sigma."""
    _relaxed_assert(pipe.transformer, "PixArtTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("PRX")
def prx_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """PRX, on latents and on pixels."""
    _relaxed_assert(pipe.transformer, "PRXTransformer2DModel")
    return BlockAdapter(pipe=pipe, blocks_name="blocks", forward_pattern=Pattern_2, **kwargs)


@BlockAdapterRegister.register("QwenImage21")
def qwenimage21_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Qwen-Image 2.1; the first step, which keeps the keys of text and reference, computes."""
    _relaxed_assert(pipe.transformer, "QwenImage21Transformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_3,
        has_separate_cfg=True,
        compute_when=lambda call: call.get("kv_cache_mode") == "extract",
        **kwargs,
    )


@BlockAdapterRegister.register("Sana")
def sana_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Sana, Sana-Sprint and Sana with ControlNet."""
    _relaxed_assert(pipe.transformer, "SanaTransformer2DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("ZImage")
def zimage_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Z-Image, with its editing and ControlNet pipelines."""
    _relaxed_assert(pipe.transformer, "ZImageTransformer2DModel")
    return BlockAdapter(pipe=pipe, blocks_name="layers", forward_pattern=Pattern_3, **kwargs)


@BlockAdapterRegister.register("PriorTransformer", "Kandinsky", "ShapE", "StableUnCLIP", "UnCLIP")
def prior_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Priors of unCLIP, Kandinsky 2 and Shap-E, which denoise the embedding of an image."""
    pipe = getattr(pipe, "prior_pipe", pipe)  # a combined pipeline calls its own
    prior = getattr(pipe, "prior", getattr(pipe, "transformer", None))
    _relaxed_assert(prior, "PriorTransformer")
    return BlockAdapter(
        pipe=pipe,
        transformer=prior,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_3,
        **kwargs,
    )
