"""Rows of plans for what many models are built of."""

from __future__ import annotations

from ...tensor_plan import Plan, Style, packed_colwise


def attention(
    at: str, *, into: str = "to_q,to_k,to_v", out: str = "to_out.0", norm: str = ""
) -> Plan:
    """Attention at ``at``; ``norm`` names the norms that go over all of its heads."""
    rows: dict[str, str] = {f"{at}.{{{into}}}": "colwise", f"{at}.{{{out}}}": "rowwise"}
    return rows | ({f"{at}.{{{norm}}}": "norm"} if norm else {})


def joint_attention(at: str, *, add: str = "add_q_proj,add_k_proj,add_v_proj") -> Plan:
    """Attention of text and image to each other."""
    return attention(at, into=f"to_q,to_k,to_v,{add}", out="to_out.0,to_add_out")


def feed_forward(at: str, *, into: str = "net.0.proj", out: str = "net.2") -> Plan:
    """A feed-forward; ``into`` may name several layers, one of which is a gate."""
    return {f"{at}.{{{into}}}": "colwise", f"{at}.{out}": "rowwise"}


def gated_feed_forward(at: str, *, into: str = "net.0.proj", out: str = "net.2") -> Plan:
    """A feed-forward whose gate and values come from one layer."""
    style: Style = packed_colwise(1, 1)
    return {f"{at}.{into}": style, f"{at}.{out}": "rowwise"}
