"""RFD4-Proteina: residues, and a representation of every pair of them.

Residues are split. Pairs are whole between modules; what is done to them is done row by row or, for
the product of all rows with all others, channel by channel.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...context_plan import Plan, attention, gather, heads, split, to_heads, to_tokens
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

ROWS = {"pairs": split(1, name="rows"), 0: gather(1, "rows")}
CHANNELS: dict[str, Any] = {
    f"pair_update_layers.*.{product}.{name}": step
    for product in ("tri_mult_out", "tri_mult_in")
    for name, step in {
        **{f"linear_{side}_{kind}": to_heads(1, 3, "rows") for side in "ab" for kind in "pg"},
        "layer_norm_out": {"input": to_tokens(1, 3, "rows")},
    }.items()
}
PRODUCT = (heads(each=1), ROWS)


@ContextParallelismPlannerRegister.register("RFD4Proteina")
class RFD4ProteinaContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_layers.0": {"values": split(1)},
        "transformer_layers.*": {
            "condition": split(1, of="values"),
            "mask": split(1, of="values"),
        },
        "transformer_layers.*.mhba.mha": (attention("values"), {"mask": gather(1, "values")}),
        "transformer_layers.*.mhba.mha.pair_norm": {"x": split(1, name="rows")},
        "transformer_layers.*.mhba.mha.to_bias": gather(1, "rows"),
        "transformer_layers.-1": gather(1, "values"),
        "pair_update_layers.*": {"values": gather(1, "values")},
        "pair_update_layers.*.tri_mult_out": PRODUCT,
        "pair_update_layers.*.tri_mult_in": PRODUCT,
        "pair_update_layers.*.transition_out": {**ROWS, "pair_mask": split(1, of="rows")},
        **CHANNELS,
    }
