"""Autoencoders whose work is not shared out by tiles, and why."""

from __future__ import annotations

WHOLE = "diffusers has no tiled path for it, so that there is no result to be equal to"
SECTIONS = (
    "it computes in sections of time, each with features of the one before, and has no tiles "
    "within a frame"
)
SOUND = f"{WHOLE} (it is for sound, which is small beside pictures)"

NOT_TILED: dict[str, str] = {
    "AsymmetricAutoencoderKL": WHOLE,
    "AutoencoderKLCosmos": f"{WHOLE}: it has a switch for tiling, which nothing asks",
    "AutoencoderKLKVAEAudio": SOUND,
    "AutoencoderKLKVAEVideo": SECTIONS,
    "AutoencoderKLLTX2Audio": SOUND,
    "AutoencoderKLMiniMaxH3Audio": SOUND,
    "AutoencoderKLTemporalDecoder": WHOLE,
    "AutoencoderRAE": f"{WHOLE}: its vision transformers attend to the whole picture",
    "AutoencoderSAME": SOUND,
    "Cosmos3AVAEAudioTokenizer": SOUND,
    "Kandinsky6SRVAE": SECTIONS,
    "LTX2VideoDiffusionDecoderModel": (
        "it draws noise for each tile, of a shape that is known only when half of the tile is "
        "computed"
    ),
    "LongCatAudioDiTVae": SOUND,
    "MMAudioVAE": SOUND,
    "MMAudioVocoder": SOUND,
    "MiniMaxMusic3Vocoder": SOUND,
    "RFD4ProteinaAutoencoder": f"{WHOLE}: it is for proteins",
    "VQModel": WHOLE,
}
"""Class -> reason."""
