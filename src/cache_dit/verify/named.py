"""What all entries have in common: a name, and whether the installed library has their class."""

from __future__ import annotations

import importlib


class Named:
    """An entry for a class, or for a variant of it ("FluxPipeline/true_cfg")."""

    class_name: str
    variant: str = ""
    module: str = "diffusers"

    @property
    def name(self) -> str:
        return f"{self.class_name}/{self.variant}" if self.variant else self.class_name

    @property
    def available(self) -> bool:
        """Whether the installed library has this class."""
        try:
            return hasattr(importlib.import_module(self.module), self.class_name)
        except ImportError:
            return False
