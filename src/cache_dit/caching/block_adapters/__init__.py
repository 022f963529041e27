"""What the cache knows about models. A model is one function in `adapters` and one line here."""

from __future__ import annotations

from ...safe_import import safe_import
from .block_adapter import BlockAdapter, FakeDiffusionPipeline
from .registers import BlockAdapterRegister

_safe_import = safe_import(__name__)

chroma_adapter = _safe_import(".adapters", "chroma_adapter")
flux_adapter = _safe_import(".adapters", "flux_adapter")
hidream_adapter = _safe_import(".adapters", "hidream_adapter")
hunyuandit_adapter = _safe_import(".adapters", "hunyuandit_adapter")
qwenimage_adapter = _safe_import(".adapters", "qwenimage_adapter")
sd3_adapter = _safe_import(".adapters", "sd3_adapter")
wan_adapter = _safe_import(".adapters", "wan_adapter")

__all__ = ["BlockAdapter", "BlockAdapterRegister", "FakeDiffusionPipeline"]
