"""What the cache knows about models. A model is one function and one line here.

The function belongs in `adapters`, or in the file of its kind beside it.
"""

from __future__ import annotations

from ...safe_import import safe_import
from .block_adapter import BlockAdapter, FakeDiffusionPipeline
from .registers import BlockAdapterRegister

_safe_import = safe_import(__name__)

auraflow_adapter = _safe_import(".adapters", "auraflow_adapter")
bria_adapter = _safe_import(".adapters", "bria_adapter")
bria_fibo_adapter = _safe_import(".adapters", "bria_fibo_adapter")
chroma_adapter = _safe_import(".adapters", "chroma_adapter")
cogview3plus_adapter = _safe_import(".adapters", "cogview3plus_adapter")
cogview4_adapter = _safe_import(".adapters", "cogview4_adapter")
flux2_adapter = _safe_import(".adapters", "flux2_adapter")
flux3_adapter = _safe_import(".adapters", "flux3_adapter")
flux_adapter = _safe_import(".adapters", "flux_adapter")
glm_image_adapter = _safe_import(".adapters", "glm_image_adapter")
hidream_adapter = _safe_import(".adapters", "hidream_adapter")
hunyuan_image_adapter = _safe_import(".adapters", "hunyuan_image_adapter")
joyimage_edit_adapter = _safe_import(".adapters", "joyimage_edit_adapter")
joyimage_edit_plus_adapter = _safe_import(".adapters", "joyimage_edit_plus_adapter")
longcat_image_adapter = _safe_import(".adapters", "longcat_image_adapter")
ovis_image_adapter = _safe_import(".adapters", "ovis_image_adapter")
qwenimage_adapter = _safe_import(".adapters", "qwenimage_adapter")
sd3_adapter = _safe_import(".adapters", "sd3_adapter")

ace_step_adapter = _safe_import(".adapters_audio", "ace_step_adapter")
cosmos3_adapter = _safe_import(".adapters_audio", "cosmos3_adapter")
kandinsky6_adapter = _safe_import(".adapters_audio", "kandinsky6_adapter")
longcat_audio_adapter = _safe_import(".adapters_audio", "longcat_audio_adapter")
ltx2_adapter = _safe_import(".adapters_audio", "ltx2_adapter")
minimax_h3_adapter = _safe_import(".adapters_audio", "minimax_h3_adapter")
minimax_music3_adapter = _safe_import(".adapters_audio", "minimax_music3_adapter")
rfd4_proteina_adapter = _safe_import(".adapters_audio", "rfd4_proteina_adapter")
spectrogram_diffusion_adapter = _safe_import(".adapters_audio", "spectrogram_diffusion_adapter")
stable_audio3_adapter = _safe_import(".adapters_audio", "stable_audio3_adapter")
stable_audio_adapter = _safe_import(".adapters_audio", "stable_audio_adapter")

bria_fibo2_adapter = _safe_import(".adapters_image", "bria_fibo2_adapter")
dit_adapter = _safe_import(".adapters_image", "dit_adapter")
ernie_image_adapter = _safe_import(".adapters_image", "ernie_image_adapter")
hunyuandit_adapter = _safe_import(".adapters_image", "hunyuandit_adapter")
ideogram4_adapter = _safe_import(".adapters_image", "ideogram4_adapter")
krea2_adapter = _safe_import(".adapters_image", "krea2_adapter")
lumina2_adapter = _safe_import(".adapters_image", "lumina2_adapter")
lumina_adapter = _safe_import(".adapters_image", "lumina_adapter")
nucleus_image_adapter = _safe_import(".adapters_image", "nucleus_image_adapter")
omnigen_adapter = _safe_import(".adapters_image", "omnigen_adapter")
pixart_adapter = _safe_import(".adapters_image", "pixart_adapter")
prior_adapter = _safe_import(".adapters_image", "prior_adapter")
prx_adapter = _safe_import(".adapters_image", "prx_adapter")
qwenimage21_adapter = _safe_import(".adapters_image", "qwenimage21_adapter")
sana_adapter = _safe_import(".adapters_image", "sana_adapter")
zimage_adapter = _safe_import(".adapters_image", "zimage_adapter")

allegro_adapter = _safe_import(".adapters_video", "allegro_adapter")
anyflow_adapter = _safe_import(".adapters_video", "anyflow_adapter")
chronoedit_adapter = _safe_import(".adapters_video", "chronoedit_adapter")
cogvideox_adapter = _safe_import(".adapters_video", "cogvideox_adapter")
consisid_adapter = _safe_import(".adapters_video", "consisid_adapter")
cosmos_adapter = _safe_import(".adapters_video", "cosmos_adapter")
easyanimate_adapter = _safe_import(".adapters_video", "easyanimate_adapter")
helios_adapter = _safe_import(".adapters_video", "helios_adapter")
hunyuan_video15_adapter = _safe_import(".adapters_video", "hunyuan_video15_adapter")
hunyuan_video_adapter = _safe_import(".adapters_video", "hunyuan_video_adapter")
kandinsky5_adapter = _safe_import(".adapters_video", "kandinsky5_adapter")
kandinsky6_sr_adapter = _safe_import(".adapters_video", "kandinsky6_sr_adapter")
latte_adapter = _safe_import(".adapters_video", "latte_adapter")
ltx_adapter = _safe_import(".adapters_video", "ltx_adapter")
mochi_adapter = _safe_import(".adapters_video", "mochi_adapter")
motif_video_adapter = _safe_import(".adapters_video", "motif_video_adapter")
sana_video_adapter = _safe_import(".adapters_video", "sana_video_adapter")
sana_wm_adapter = _safe_import(".adapters_video", "sana_wm_adapter")
sana_wm_refiner_adapter = _safe_import(".adapters_video", "sana_wm_refiner_adapter")
skyreels_v2_adapter = _safe_import(".adapters_video", "skyreels_v2_adapter")
wan_adapter = _safe_import(".adapters_video", "wan_adapter")
wan_animate2_adapter = _safe_import(".adapters_video", "wan_animate2_adapter")

__all__ = ["BlockAdapter", "BlockAdapterRegister", "FakeDiffusionPipeline"]
