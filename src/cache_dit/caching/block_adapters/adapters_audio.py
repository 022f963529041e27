"""Models of sound, of video with sound, and of proteins, one function each."""

from __future__ import annotations

from typing import Any

from ..forward_pattern import Pattern_0, Pattern_1, Pattern_2, Pattern_3
from .adapters import _relaxed_assert
from .block_adapter import BlockAdapter
from .registers import BlockAdapterRegister


@BlockAdapterRegister.register("AceStep")
def ace_step_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """ACE-Step; the blending of a cover is a call of its own."""
    _relaxed_assert(pipe.transformer, "AceStepTransformer1DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="layers",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("Cosmos3")
def cosmos3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Cosmos 3 Omni; of the two streams, the second one is denoised."""
    _relaxed_assert(pipe.transformer, "Cosmos3OmniTransformer")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="layers",
        forward_pattern=Pattern_1,
        has_separate_cfg=True,
        stream_parameters={"hidden_states": "gen_seq", "encoder_hidden_states": "und_seq"},
        **kwargs,
    )


@BlockAdapterRegister.register("Kandinsky6")
def kandinsky6_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Kandinsky 6: video and sound."""
    _relaxed_assert(pipe.transformer, "Kandinsky6Transformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="visual_transformer_blocks",
        forward_pattern=Pattern_0,
        has_separate_cfg=True,
        stream_parameters={"hidden_states": "vis", "encoder_hidden_states": "aud"},
        **kwargs,
    )


@BlockAdapterRegister.register("LongCatAudioDiT")
def longcat_audio_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """LongCat-Audio."""
    _relaxed_assert(pipe.transformer, "LongCatAudioDiTTransformer")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=Pattern_2,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("LTX2")
def ltx2_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """LTX-2: video and sound; each kind of perturbed guidance is a branch of its own."""
    _relaxed_assert(pipe.transformer, "LTX2VideoTransformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_0,
        stream_parameters={"encoder_hidden_states": "audio_hidden_states"},
        branch_on=("spatio_temporal_guidance_blocks", "isolate_modalities"),
        **kwargs,
    )


@BlockAdapterRegister.register("MiniMaxH3")
def minimax_h3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """MiniMax H3: text, sound and video in one sequence."""
    _relaxed_assert(pipe.transformer, "MiniMaxH3Transformer3DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_3,
        **kwargs,
    )


@BlockAdapterRegister.register("MiniMaxMusic3")
def minimax_music3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """MiniMax Music 3."""
    _relaxed_assert(pipe.transformer, "MiniMaxMusic3Transformer1DModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_3,
        has_separate_cfg=True,
        **kwargs,
    )


@BlockAdapterRegister.register("RFD4Proteina")
def rfd4_proteina_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """RFD4-Proteina: blocks change residues and pairs of them in turn, several times in a call."""
    _relaxed_assert(pipe.transformer, "RFD4ProteinaTransformer")
    return BlockAdapter(
        pipe=pipe,
        blocks_name=["transformer_layers", "pair_update_layers"],
        forward_pattern=Pattern_3,
        stream_parameters=[{"hidden_states": "values"}, {"hidden_states": "pairs"}],
        interleaved=True,
        own_streams=True,
        **kwargs,
    )


@BlockAdapterRegister.register("StableAudio")
def stable_audio_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Stable Audio Open."""
    _relaxed_assert(pipe.transformer, "StableAudioDiTModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("StableAudio3")
def stable_audio3_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Stable Audio 3."""
    _relaxed_assert(pipe.transformer, "StableAudio3DiTModel")
    return BlockAdapter(
        pipe=pipe,
        blocks_name="transformer_blocks",
        forward_pattern=Pattern_2,
        **kwargs,
    )


@BlockAdapterRegister.register("SpectrogramDiffusion", "T5FilmDecoder")
def spectrogram_diffusion_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Spectrogram Diffusion: music from notes, section after section."""
    decoder = getattr(pipe, "decoder", getattr(pipe, "transformer", None))
    _relaxed_assert(decoder, "T5FilmDecoder")
    return BlockAdapter(
        pipe=pipe,
        transformer=decoder,
        blocks_name="decoders",
        forward_pattern=Pattern_2,
        **kwargs,
    )
