"""The ControlNet of Z-Image, whose layers stack up what they have to say: [layers, B, S, D]."""

from __future__ import annotations

from torch import nn

from ....intercept import parameter_names
from ...context_plan import Plan, attention, gather, split
from .cp_plan_registers import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)


@ControlNetContextParallelismPlannerRegister.register("ZImageControlNet")
class ZImageControlNetContextParallelismPlanner(ControlNetContextParallelismPlanner):
    """The refiners that it shares with its transformer stay whole, as they do there."""

    def plans(self, controlnet: nn.Module) -> list[Plan]:
        """The refiner of the control may be of either kind of layers, or be the layers themselves.

        It runs over the image only; the layers run over image and text.
        """
        lists = ("control_layers", "control_noise_refiner")
        return [
            _layers(controlnet, name) for name in lists if getattr(controlnet, name) is not None
        ]


def _layers(controlnet: nn.Module, name: str) -> Plan:
    controls = "c" in parameter_names(controlnet.get_submodule(f"{name}.0"))
    begin = {"x": split(1), "c": split(1, of="x")} if controls else {"x": split(1)}
    return {
        f"{name}.0": begin,
        f"{name}.*": {"freqs_cis": split(1, of="x")},
        f"{name}.*.attention": attention("x"),
        f"{name}.-1": gather(2 if controls else 1, "x"),
    }
