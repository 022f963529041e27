"""All context-parallel planners that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

AceStepContextParallelismPlanner = _safe_import(
    ".cp_plan_audio", "AceStepContextParallelismPlanner"
)
LongCatAudioContextParallelismPlanner = _safe_import(
    ".cp_plan_audio", "LongCatAudioContextParallelismPlanner"
)
MiniMaxMusic3ContextParallelismPlanner = _safe_import(
    ".cp_plan_audio", "MiniMaxMusic3ContextParallelismPlanner"
)
StableAudio3ContextParallelismPlanner = _safe_import(
    ".cp_plan_audio", "StableAudio3ContextParallelismPlanner"
)
StableAudioContextParallelismPlanner = _safe_import(
    ".cp_plan_audio", "StableAudioContextParallelismPlanner"
)
AuraFlowContextParallelismPlanner = _safe_import(
    ".cp_plan_auraflow", "AuraFlowContextParallelismPlanner"
)
CogVideoXContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "CogVideoXContextParallelismPlanner"
)
CogView3PlusContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "CogView3PlusContextParallelismPlanner"
)
CogView4ContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "CogView4ContextParallelismPlanner"
)
EasyAnimateContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "EasyAnimateContextParallelismPlanner"
)
GlmImageContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "GlmImageContextParallelismPlanner"
)
JoyImageEditContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "JoyImageEditContextParallelismPlanner"
)
JoyImageEditPlusContextParallelismPlanner = _safe_import(
    ".cp_plan_cogview", "JoyImageEditPlusContextParallelismPlanner"
)
BriaContextParallelismPlanner = _safe_import(".cp_plan_flux", "BriaContextParallelismPlanner")
BriaFiboContextParallelismPlanner = _safe_import(
    ".cp_plan_flux", "BriaFiboContextParallelismPlanner"
)
ChromaContextParallelismPlanner = _safe_import(".cp_plan_flux", "ChromaContextParallelismPlanner")
Flux2ContextParallelismPlanner = _safe_import(".cp_plan_flux", "Flux2ContextParallelismPlanner")
FluxContextParallelismPlanner = _safe_import(".cp_plan_flux", "FluxContextParallelismPlanner")
LongCatImageContextParallelismPlanner = _safe_import(
    ".cp_plan_flux", "LongCatImageContextParallelismPlanner"
)
Flux3ContextParallelismPlanner = _safe_import(".cp_plan_flux3", "Flux3ContextParallelismPlanner")
HiDreamImageContextParallelismPlanner = _safe_import(
    ".cp_plan_hidream", "HiDreamImageContextParallelismPlanner"
)
HunyuanImageContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "HunyuanImageContextParallelismPlanner"
)
HunyuanVideo15ContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "HunyuanVideo15ContextParallelismPlanner"
)
HunyuanVideoContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "HunyuanVideoContextParallelismPlanner"
)
HunyuanVideoFramepackContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "HunyuanVideoFramepackContextParallelismPlanner"
)
MotifVideoContextParallelismPlanner = _safe_import(
    ".cp_plan_hunyuan", "MotifVideoContextParallelismPlanner"
)
Kandinsky5ContextParallelismPlanner = _safe_import(
    ".cp_plan_kandinsky", "Kandinsky5ContextParallelismPlanner"
)
Kandinsky6ContextParallelismPlanner = _safe_import(
    ".cp_plan_kandinsky", "Kandinsky6ContextParallelismPlanner"
)
LTX2ContextParallelismPlanner = _safe_import(".cp_plan_ltx", "LTX2ContextParallelismPlanner")
LTXContextParallelismPlanner = _safe_import(".cp_plan_ltx", "LTXContextParallelismPlanner")
BriaFibo2ContextParallelismPlanner = _safe_import(
    ".cp_plan_lumina", "BriaFibo2ContextParallelismPlanner"
)
ErnieImageContextParallelismPlanner = _safe_import(
    ".cp_plan_lumina", "ErnieImageContextParallelismPlanner"
)
Ideogram4ContextParallelismPlanner = _safe_import(
    ".cp_plan_lumina", "Ideogram4ContextParallelismPlanner"
)
Krea2ContextParallelismPlanner = _safe_import(".cp_plan_lumina", "Krea2ContextParallelismPlanner")
Lumina2ContextParallelismPlanner = _safe_import(
    ".cp_plan_lumina", "Lumina2ContextParallelismPlanner"
)
LuminaNextContextParallelismPlanner = _safe_import(
    ".cp_plan_lumina", "LuminaNextContextParallelismPlanner"
)
OmniGenContextParallelismPlanner = _safe_import(
    ".cp_plan_lumina", "OmniGenContextParallelismPlanner"
)
PRXContextParallelismPlanner = _safe_import(".cp_plan_lumina", "PRXContextParallelismPlanner")
ZImageContextParallelismPlanner = _safe_import(".cp_plan_lumina", "ZImageContextParallelismPlanner")
MochiContextParallelismPlanner = _safe_import(".cp_plan_mochi", "MochiContextParallelismPlanner")
DiTContextParallelismPlanner = _safe_import(".cp_plan_pixart", "DiTContextParallelismPlanner")
HunyuanDiTContextParallelismPlanner = _safe_import(
    ".cp_plan_pixart", "HunyuanDiTContextParallelismPlanner"
)
LatteContextParallelismPlanner = _safe_import(".cp_plan_pixart", "LatteContextParallelismPlanner")
PixArtContextParallelismPlanner = _safe_import(".cp_plan_pixart", "PixArtContextParallelismPlanner")
PriorContextParallelismPlanner = _safe_import(".cp_plan_pixart", "PriorContextParallelismPlanner")
NucleusMoEImageContextParallelismPlanner = _safe_import(
    ".cp_plan_qwen_image", "NucleusMoEImageContextParallelismPlanner"
)
QwenImageContextParallelismPlanner = _safe_import(
    ".cp_plan_qwen_image", "QwenImageContextParallelismPlanner"
)
SanaWMLTX2RefinerContextParallelismPlanner = _safe_import(
    ".cp_plan_ltx", "SanaWMLTX2RefinerContextParallelismPlanner"
)
SD3ContextParallelismPlanner = _safe_import(".cp_plan_sd3", "SD3ContextParallelismPlanner")
AnyFlowContextParallelismPlanner = _safe_import(".cp_plan_wan", "AnyFlowContextParallelismPlanner")
HeliosContextParallelismPlanner = _safe_import(".cp_plan_wan", "HeliosContextParallelismPlanner")
SkyReelsV2ContextParallelismPlanner = _safe_import(
    ".cp_plan_wan", "SkyReelsV2ContextParallelismPlanner"
)
T5FilmContextParallelismPlanner = _safe_import(".cp_plan_audio", "T5FilmContextParallelismPlanner")
WanAnimateContextParallelismPlanner = _safe_import(
    ".cp_plan_wan", "WanAnimateContextParallelismPlanner"
)
WanContextParallelismPlanner = _safe_import(".cp_plan_wan", "WanContextParallelismPlanner")
WanVACEContextParallelismPlanner = _safe_import(".cp_plan_wan", "WanVACEContextParallelismPlanner")
AllegroContextParallelismPlanner = _safe_import(
    ".cp_plan_world", "AllegroContextParallelismPlanner"
)
Cosmos3OmniContextParallelismPlanner = _safe_import(
    ".cp_plan_world", "Cosmos3OmniContextParallelismPlanner"
)
CosmosContextParallelismPlanner = _safe_import(".cp_plan_world", "CosmosContextParallelismPlanner")
MiniMaxH3ContextParallelismPlanner = _safe_import(
    ".cp_plan_world", "MiniMaxH3ContextParallelismPlanner"
)
AnyFlowFARContextParallelismPlanner = _safe_import(
    ".cp_plan_wan", "AnyFlowFARContextParallelismPlanner"
)
WanAnimate2ContextParallelismPlanner = _safe_import(
    ".cp_plan_wan", "WanAnimate2ContextParallelismPlanner"
)
Kandinsky6SRContextParallelismPlanner = _safe_import(
    ".cp_plan_kandinsky", "Kandinsky6SRContextParallelismPlanner"
)
QwenImage21ContextParallelismPlanner = _safe_import(
    ".cp_plan_qwen_image", "QwenImage21ContextParallelismPlanner"
)
SanaContextParallelismPlanner = _safe_import(".cp_plan_sana", "SanaContextParallelismPlanner")
SanaVideoContextParallelismPlanner = _safe_import(
    ".cp_plan_sana", "SanaVideoContextParallelismPlanner"
)
SanaWMContextParallelismPlanner = _safe_import(".cp_plan_sana", "SanaWMContextParallelismPlanner")
RFD4ProteinaContextParallelismPlanner = _safe_import(
    ".cp_plan_protein", "RFD4ProteinaContextParallelismPlanner"
)
