"""The ControlNets of diffusion transformers, and models of several of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cache_dit.verify import zoo
from cache_dit.verify.controlnets.calls import (
    cosmos,
    picture,
    resizing,
    several,
    tokens,
    two_unions,
    union,
    without_text,
    z_image,
)
from cache_dit.verify.controlnets.entry import ControlNetEntry


def like(transformer: str, without: str = "", **others: Any) -> dict[str, Any]:
    """The config of a transformer of the zoo, with other values: what its ControlNet has."""
    config = {**zoo.get(transformer).config, **others}
    return {name: value for name, value in config.items() if name != without}


FLUX_CONFIG = like("FluxTransformer2DModel", num_layers=2, num_single_layers=3)
QWEN_CONFIG = like("QwenImageTransformer2DModel", num_layers=3)
SD3_CONFIG = like("SD3Transformer2DModel", num_layers=3, dual_attention_layers=(0, 1))
SD3_RESIDUALS = ("block_controlnet_hidden_states",)
HUNYUAN_CONFIG = like("HunyuanDiT2DModel", without="num_layers", transformer_num_layers=8)
SANA_CONFIG = like("SanaTransformer2DModel", num_layers=3)
Z_IMAGE_CONFIG: dict[str, Any] = {
    "control_layers_places": [0, 2, 4],
    "control_in_dim": 4,
    "dim": 48,
    "n_refiner_layers": 1,
    "n_heads": 4,
    "n_kv_heads": 4,
}
COSMOS_CONFIG: dict[str, Any] = {
    "n_controlnet_blocks": 3,
    "in_channels": 9,
    "latent_channels": 6,
    "model_channels": 48,
    "num_attention_heads": 4,
    "attention_head_dim": 12,
    "mlp_ratio": 2.0,
    "text_embed_dim": 20,
    "adaln_lora_dim": 8,
    "max_size": (4, 16, 16),
    "img_context_dim_in": 12,
    "img_context_dim_out": 48,
    "use_crossattn_projection": True,
    "crossattn_proj_in_channels": 24,
    "encoder_hidden_states_channels": 20,
}


FLUX = ControlNetEntry(
    class_name="FluxControlNetModel",
    transformer="FluxTransformer2DModel",
    config=FLUX_CONFIG,
    call=tokens,
    residuals=("controlnet_block_samples", "controlnet_single_block_samples"),
)
SD3 = ControlNetEntry(
    class_name="SD3ControlNetModel",
    transformer="SD3Transformer2DModel",
    config=SD3_CONFIG,
    call=picture,
    residuals=SD3_RESIDUALS,
)
QWEN = ControlNetEntry(
    class_name="QwenImageControlNetModel",
    transformer="QwenImageTransformer2DModel",
    config=QWEN_CONFIG,
    call=tokens,
)
HUNYUAN = ControlNetEntry(
    class_name="HunyuanDiT2DControlNetModel",
    transformer="HunyuanDiT2DModel",
    config=HUNYUAN_CONFIG,
    call=picture,
)
Z_IMAGE = ControlNetEntry(
    class_name="ZImageControlNetModel",
    transformer="ZImageTransformer2DModel",
    config=Z_IMAGE_CONFIG,
    call=z_image,
    shares=True,
)

ENTRIES = (
    FLUX,
    replace(
        FLUX,
        variant="union",
        config={**FLUX_CONFIG, "num_mode": 3, "num_single_layers": 0},
        call=union,
        note="double-stream blocks only; a token for the kind of control leads the text",
    ),
    replace(
        FLUX,
        class_name="FluxMultiControlNetModel",
        nets=(FLUX_CONFIG, {**FLUX_CONFIG, "num_layers": 1}),
        call=two_unions,
    ),
    replace(
        FLUX,
        class_name="FluxMultiControlNetModel",
        variant="union",
        nets=({**FLUX_CONFIG, "num_mode": 3},),
        call=two_unions,
        note="one ControlNet, called for each of several conditions",
    ),
    SD3,
    replace(
        SD3,
        variant="no_text",
        config={**SD3_CONFIG, "joint_attention_dim": None, "use_pos_embed": False},
        call=without_text,
        note="that of SD 3.5 8B",
    ),
    replace(
        SD3,
        class_name="SD3MultiControlNetModel",
        nets=(SD3_CONFIG, SD3_CONFIG),
        call=lambda s, given: several(picture(s, given)),
    ),
    QWEN,
    replace(
        QWEN,
        class_name="QwenImageMultiControlNetModel",
        nets=(QWEN_CONFIG,),
        call=lambda s, given: several(tokens(s, given)),
        note="one ControlNet, called for each of several conditions",
    ),
    HUNYUAN,
    replace(
        HUNYUAN,
        class_name="HunyuanDiT2DMultiControlNetModel",
        nets=(HUNYUAN_CONFIG, HUNYUAN_CONFIG),
        call=lambda s, given: several(picture(s, given)),
    ),
    Z_IMAGE,
    replace(
        Z_IMAGE,
        variant="refiner",
        config={
            **Z_IMAGE_CONFIG,
            "add_control_noise_refiner": "control_noise_refiner",
            "control_refiner_layers_places": [0],
        },
    ),
    replace(
        Z_IMAGE,
        variant="layers",
        config={
            **Z_IMAGE_CONFIG,
            "add_control_noise_refiner": "control_layers",
            "control_refiner_layers_places": [0, 2, 4],
        },
        note="the layers of the control refine it as well",
    ),
    ControlNetEntry(
        class_name="SanaControlNetModel",
        transformer="SanaTransformer2DModel",
        config=SANA_CONFIG,
        call=picture,
    ),
    ControlNetEntry(
        class_name="CosmosControlNetModel",
        transformer="CosmosTransformer3DModel/controlnet",
        config=COSMOS_CONFIG,
        call=cosmos,
        residuals=SD3_RESIDUALS,
        around=resizing,
    ),
)
