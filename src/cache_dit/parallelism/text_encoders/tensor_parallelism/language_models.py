"""Language models, alone or within models that see: transformers' own plans, and what they lack.

What they lack are the embedding, which is a large part of small models, and key heads that are
fewer than ranks. What reads pictures or sound stays whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn

from ...tensor_plan import Plan, kv_colwise

KEYS = ("k_proj", "v_proj")
USUAL: Plan = {
    "layers.*.self_attn.q_proj": "colwise",
    "layers.*.self_attn.o_proj": "rowwise",
    "layers.*.mlp.gate_proj": "colwise",
    "layers.*.mlp.up_proj": "colwise",
    "layers.*.mlp.down_proj": "rowwise",
}
"""For models whose own plan leaves the layers out."""


@dataclass(frozen=True)
class Heads:
    """One attention of a language model.

    Attributes:
        path: its name.
        module: itself.
        queries: how many query heads it has.
        keys: how many of keys and values, its own or those of another layer.
    """

    path: str
    module: nn.Module
    queries: int
    keys: int


def language_models(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules of what has layers and an embedding of words."""
    for path, each in module.named_modules():
        if _has(each, "layers") and _has(each, "embed_tokens"):
            yield path, each


def attentions(module: nn.Module) -> Iterator[Heads]:
    """All attentions of all language models in a module."""
    for path, model in language_models(module):
        for name, each in model.get_submodule("layers").named_modules():
            width, output = getattr(each, "head_dim", None), _output_of(each)
            if isinstance(width, int) and isinstance(output, nn.Linear):
                queries = output.in_features // width
                keys = queries // int(getattr(each, "num_key_value_groups", 1))
                yield Heads(f"{path}.layers.{name}".lstrip("."), each, queries, keys)


def language_plan(module: nn.Module, shares_words: bool) -> Plan:
    """The plan for all language models in a module; empty where there is none.

    Args:
        module: the whole text encoder.
        shares_words: whether the embedding of words is shared out as well.
    """
    plan: dict[str, Any] = {}
    for path, model in language_models(module):
        own = _plan_of(model) | _embeddings(model, shares_words)
        plan |= {f"{path}.{name}?".lstrip("."): style for name, style in own.items()}
    for heads in attentions(module):
        names = [name for name in KEYS if _has(heads.module, name)]
        plan |= {f"{heads.path}.{name}": kv_colwise(heads.keys) for name in names}
    if plan and (head := _child(module, "lm_head")) is not None:
        words = [_child(model, "embed_tokens") for _, model in language_models(module)]
        if not any(getattr(each, "weight", None) is head.weight for each in words):
            plan["lm_head"] = "colwise_gather_output"
        elif shares_words:
            plan["lm_head"] = "rowwise_split_input"
    return plan


def _plan_of(model: nn.Module) -> dict[str, Any]:
    own = getattr(model.config, "base_model_tp_plan", None) or {}
    layers = {name: style for name, style in own.items() if name.startswith("layers.")} or USUAL
    return {name: style for name, style in layers.items() if name.split(".")[-1] not in KEYS}


def _embeddings(model: nn.Module, shares_words: bool) -> dict[str, Any]:
    names = ("embed_tokens",) * shares_words + ("embed_tokens_per_layer",)
    found = {name: _child(model, name) for name in names}
    plain = [name for name, each in found.items() if each is not None and _only_a_weight(each)]
    return dict.fromkeys(plain, "embedding_colwise")


def _output_of(attention: nn.Module) -> nn.Module | None:
    found = (_child(attention, name) for name in ("o_proj", "dense"))
    return next((each for each in found if each is not None), None)


def _child(module: nn.Module, name: str) -> nn.Module | None:
    return dict(module.named_children()).get(name)


def _has(module: nn.Module, name: str) -> bool:
    return _child(module, name) is not None


def _only_a_weight(module: nn.Module) -> bool:
    return [name for name, _ in module.named_parameters()] == ["weight"]
