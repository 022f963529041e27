"""Video models, one function each."""

from __future__ import annotations

from typing import Any

from ..forward_pattern import Pattern_0, Pattern_2, Pattern_3
from .adapters import FLUX_LISTS, _both, _relaxed_assert
from .block_adapter import BlockAdapter
from .registers import BlockAdapterRegister


@BlockAdapterRegister.register("Allegro")
def allegro_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Allegro."""
    _relaxed_assert(pipe.transformer, "AllegroTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("AnyFlow")
def anyflow_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """AnyFlow, and AnyFlow-FAR, where the call that keeps a finished chunk's keys computes."""
    _relaxed_assert(pipe.transformer, "AnyFlowTransformer3DModel", "AnyFlowFARTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        compute_when=lambda call: (call.get("kv_cache_flag") or {}).get("is_cache_step", False),
        **kwargs,
    )


@BlockAdapterRegister.register("ChronoEdit")
def chronoedit_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """ChronoEdit: edits a picture by way of a video."""
    _relaxed_assert(pipe.transformer, "ChronoEditTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("CogVideoX")
def cogvideox_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """CogVideoX and CogVideoX-Fun."""
    _relaxed_assert(pipe.transformer, "CogVideoXTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        **kwargs,
    )


@BlockAdapterRegister.register("ConsisID")
def consisid_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """ConsisID: face features are added behind every other block."""
    _relaxed_assert(pipe.transformer, "ConsisIDTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        **kwargs,
    )


@BlockAdapterRegister.register("Cosmos")
def cosmos_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Cosmos 1, 2 and 2.5, and Anima."""
    _relaxed_assert(pipe.transformer, "CosmosTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("EasyAnimate")
def easyanimate_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """EasyAnimate."""
    _relaxed_assert(pipe.transformer, "EasyAnimateTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        **kwargs,
    )


@BlockAdapterRegister.register("Helios")
def helios_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Helios: section after section, with the history in the same sequence."""
    _relaxed_assert(pipe.transformer, "HeliosTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("HunyuanVideo", "HunyuanSkyreels")
def hunyuan_video_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HunyuanVideo and FramePack; some pipelines add CFG in calls of its own."""
    _relaxed_assert(
        pipe.transformer,
        "HunyuanVideoTransformer3DModel",
        "HunyuanVideoFramepackTransformer3DModel",
    )
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_0,
        has_separate_cfg=callable(pipe),
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("HunyuanVideo15")
def hunyuan_video15_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """HunyuanVideo 1.5."""
    _relaxed_assert(pipe.transformer, "HunyuanVideo15Transformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Kandinsky5")
def kandinsky5_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Kandinsky 5, for images and videos."""
    _relaxed_assert(pipe.transformer, "Kandinsky5Transformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="visual_transformer_blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Kandinsky6SR")
def kandinsky6_sr_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """The super-resolution of Kandinsky 6."""
    _relaxed_assert(pipe.transformer, "Kandinsky6SRTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="visual_transformer_blocks",
        forward_pattern=Pattern_3,
        **kwargs,
    )


@BlockAdapterRegister.register("Latte")
def latte_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Latte: spatial and temporal blocks take turns."""
    _relaxed_assert(pipe.transformer, "LatteTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=["transformer_blocks", "temporal_transformer_blocks"],
        forward_pattern=[Pattern_2, Pattern_3],
        interleaved=True,
        **kwargs,
    )


@BlockAdapterRegister.register("LTX")
def ltx_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """LTX-Video."""
    _relaxed_assert(pipe.transformer, "LTXVideoTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("Mochi")
def mochi_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Mochi 1."""
    _relaxed_assert(pipe.transformer, "MochiTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        **kwargs,
    )


@BlockAdapterRegister.register("MotifVideo")
def motif_video_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Motif-Video: the last single blocks decode, from the patches and what was encoded."""
    _relaxed_assert(pipe.transformer, "MotifVideoTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=FLUX_LISTS,
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        chained=True,
        **kwargs,
    )


@BlockAdapterRegister.register("SanaVideo", "SanaImageToVideo")
def sana_video_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Sana-Video."""
    _relaxed_assert(pipe.transformer, "SanaVideoTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("SanaWM")
def sana_wm_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Sana-WM, a world model along a camera path."""
    _relaxed_assert(pipe.transformer, "SanaWMTransformer3DModel")
    return BlockAdapter(pipe=pipe, blocks_name="blocks", forward_pattern=Pattern_2, **kwargs)


@BlockAdapterRegister.register("SanaWMLTX2Refiner")
def sana_wm_refiner_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """The refiner of Sana-WM; calls that keep the keys of finished frames compute."""
    _relaxed_assert(pipe.transformer, "SanaWMLTX2RefinerTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        compute_when=lambda call: "capture" in (call.get("kv_cache_mode") or ""),
        **kwargs,
    )


@BlockAdapterRegister.register("SkyReelsV2")
def skyreels_v2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """SkyReels V2, with diffusion forcing over windows of frames."""
    _relaxed_assert(pipe.transformer, "SkyReelsV2Transformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Wan", "LucyEdit")
def wan_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Wan 2.1, 2.2 (one transformer for high and one for low noise), VACE and Animate."""
    transformers = _both(pipe, "transformer_2")
    names = [f"Wan{kind}Transformer3DModel" for kind in ("", "VACE", "Animate")]
    for each in transformers:
        _relaxed_assert(each, *names)
    return BlockAdapter(
        pipe=pipe,
        transformer=transformers,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("WanAnimate2")
def wan_animate2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Wan-Animate 2; the call that keeps the driving video's keys computes."""
    _relaxed_assert(pipe.transformer, "WanAnimate2Transformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        branch_on=("is_uncondtion",),
        compute_when=lambda call: call.get("kv_cache_mode") == "extract",
        **kwargs,
    )
