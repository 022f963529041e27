"""All tensor-parallel planners that come with the package, one line for each."""

from __future__ import annotations

from ....safe_import import safe_import

_safe_import = safe_import(__package__)

AceStepTensorParallelismPlanner = _safe_import(".tp_plan_audio", "AceStepTensorParallelismPlanner")
StableAudioTensorParallelismPlanner = _safe_import(
    ".tp_plan_audio", "StableAudioTensorParallelismPlanner"
)
StableAudio3TensorParallelismPlanner = _safe_import(
    ".tp_plan_audio", "StableAudio3TensorParallelismPlanner"
)
LongCatAudioTensorParallelismPlanner = _safe_import(
    ".tp_plan_audio", "LongCatAudioTensorParallelismPlanner"
)
MiniMaxMusic3TensorParallelismPlanner = _safe_import(
    ".tp_plan_audio", "MiniMaxMusic3TensorParallelismPlanner"
)
T5FilmTensorParallelismPlanner = _safe_import(".tp_plan_audio", "T5FilmTensorParallelismPlanner")
CogVideoXTensorParallelismPlanner = _safe_import(
    ".tp_plan_cogview", "CogVideoXTensorParallelismPlanner"
)
ConsisIDTensorParallelismPlanner = _safe_import(
    ".tp_plan_cogview", "ConsisIDTensorParallelismPlanner"
)
EasyAnimateTensorParallelismPlanner = _safe_import(
    ".tp_plan_cogview", "EasyAnimateTensorParallelismPlanner"
)
FluxTensorParallelismPlanner = _safe_import(".tp_plan_flux", "FluxTensorParallelismPlanner")
OvisImageTensorParallelismPlanner = _safe_import(
    ".tp_plan_flux", "OvisImageTensorParallelismPlanner"
)
Flux2TensorParallelismPlanner = _safe_import(".tp_plan_flux", "Flux2TensorParallelismPlanner")
Flux3TensorParallelismPlanner = _safe_import(".tp_plan_flux", "Flux3TensorParallelismPlanner")
HunyuanVideoTensorParallelismPlanner = _safe_import(
    ".tp_plan_hunyuan", "HunyuanVideoTensorParallelismPlanner"
)
HunyuanVideo15TensorParallelismPlanner = _safe_import(
    ".tp_plan_hunyuan", "HunyuanVideo15TensorParallelismPlanner"
)
MotifVideoTensorParallelismPlanner = _safe_import(
    ".tp_plan_hunyuan", "MotifVideoTensorParallelismPlanner"
)
HunyuanDiTTensorParallelismPlanner = _safe_import(
    ".tp_plan_hunyuan", "HunyuanDiTTensorParallelismPlanner"
)
Kandinsky5TensorParallelismPlanner = _safe_import(
    ".tp_plan_kandinsky", "Kandinsky5TensorParallelismPlanner"
)
Kandinsky6TensorParallelismPlanner = _safe_import(
    ".tp_plan_kandinsky", "Kandinsky6TensorParallelismPlanner"
)
Kandinsky6SRTensorParallelismPlanner = _safe_import(
    ".tp_plan_kandinsky", "Kandinsky6SRTensorParallelismPlanner"
)
LTXTensorParallelismPlanner = _safe_import(".tp_plan_ltx", "LTXTensorParallelismPlanner")
LTX2TensorParallelismPlanner = _safe_import(".tp_plan_ltx", "LTX2TensorParallelismPlanner")
LuminaNextTensorParallelismPlanner = _safe_import(
    ".tp_plan_lumina", "LuminaNextTensorParallelismPlanner"
)
Lumina2TensorParallelismPlanner = _safe_import(".tp_plan_lumina", "Lumina2TensorParallelismPlanner")
ZImageTensorParallelismPlanner = _safe_import(".tp_plan_lumina", "ZImageTensorParallelismPlanner")
BriaFibo2TensorParallelismPlanner = _safe_import(
    ".tp_plan_lumina", "BriaFibo2TensorParallelismPlanner"
)
OmniGenTensorParallelismPlanner = _safe_import(".tp_plan_lumina", "OmniGenTensorParallelismPlanner")
PRXTensorParallelismPlanner = _safe_import(".tp_plan_lumina", "PRXTensorParallelismPlanner")
Krea2TensorParallelismPlanner = _safe_import(".tp_plan_lumina", "Krea2TensorParallelismPlanner")
ErnieImageTensorParallelismPlanner = _safe_import(
    ".tp_plan_lumina", "ErnieImageTensorParallelismPlanner"
)
Ideogram4TensorParallelismPlanner = _safe_import(
    ".tp_plan_lumina", "Ideogram4TensorParallelismPlanner"
)
PixArtTensorParallelismPlanner = _safe_import(".tp_plan_pixart", "PixArtTensorParallelismPlanner")
PriorTensorParallelismPlanner = _safe_import(".tp_plan_pixart", "PriorTensorParallelismPlanner")
LatteTensorParallelismPlanner = _safe_import(".tp_plan_pixart", "LatteTensorParallelismPlanner")
SanaTensorParallelismPlanner = _safe_import(".tp_plan_pixart", "SanaTensorParallelismPlanner")
SanaVideoTensorParallelismPlanner = _safe_import(
    ".tp_plan_pixart", "SanaVideoTensorParallelismPlanner"
)
SanaWMTensorParallelismPlanner = _safe_import(".tp_plan_pixart", "SanaWMTensorParallelismPlanner")
QwenImageTensorParallelismPlanner = _safe_import(
    ".tp_plan_qwen_image", "QwenImageTensorParallelismPlanner"
)
QwenImage21TensorParallelismPlanner = _safe_import(
    ".tp_plan_qwen_image", "QwenImage21TensorParallelismPlanner"
)
NucleusMoEImageTensorParallelismPlanner = _safe_import(
    ".tp_plan_qwen_image", "NucleusMoEImageTensorParallelismPlanner"
)
JoyImageEditTensorParallelismPlanner = _safe_import(
    ".tp_plan_qwen_image", "JoyImageEditTensorParallelismPlanner"
)
SD3TensorParallelismPlanner = _safe_import(".tp_plan_sd3", "SD3TensorParallelismPlanner")
AuraFlowTensorParallelismPlanner = _safe_import(".tp_plan_sd3", "AuraFlowTensorParallelismPlanner")
HiDreamImageTensorParallelismPlanner = _safe_import(
    ".tp_plan_sd3", "HiDreamImageTensorParallelismPlanner"
)
WanTensorParallelismPlanner = _safe_import(".tp_plan_wan", "WanTensorParallelismPlanner")
AnyFlowFARTensorParallelismPlanner = _safe_import(
    ".tp_plan_wan", "AnyFlowFARTensorParallelismPlanner"
)
WanVACETensorParallelismPlanner = _safe_import(".tp_plan_wan", "WanVACETensorParallelismPlanner")
WanAnimateTensorParallelismPlanner = _safe_import(
    ".tp_plan_wan", "WanAnimateTensorParallelismPlanner"
)
WanAnimate2TensorParallelismPlanner = _safe_import(
    ".tp_plan_wan", "WanAnimate2TensorParallelismPlanner"
)
MochiTensorParallelismPlanner = _safe_import(".tp_plan_world", "MochiTensorParallelismPlanner")
CosmosTensorParallelismPlanner = _safe_import(".tp_plan_world", "CosmosTensorParallelismPlanner")
Cosmos3OmniTensorParallelismPlanner = _safe_import(
    ".tp_plan_world", "Cosmos3OmniTensorParallelismPlanner"
)
MiniMaxH3TensorParallelismPlanner = _safe_import(
    ".tp_plan_world", "MiniMaxH3TensorParallelismPlanner"
)
RFD4ProteinaTensorParallelismPlanner = _safe_import(
    ".tp_plan_world", "RFD4ProteinaTensorParallelismPlanner"
)
