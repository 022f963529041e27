"""What layers consist of: which parameters are cut where, and which numbers follow."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from .tensor_plan import Style

QUANTIZE_AFTERWARDS = "Enable tensor parallelism first, and quantize what every rank then holds."

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def adapted(path: str, module: nn.Module, style: Style) -> Iterator[tuple[str, nn.Module, Style]]:
    """The layers that a module consists of: itself, or what LoRA (peft) put in its place.

    A low-rank update is cut as the layer that it is added to: of ``B A``, the rows of B or the
    columns of A; what the ranks then add up is complete.

    Raises:
        ValueError: an adapter that is no such update.
    """
    if not hasattr(module, "base_layer"):
        yield path, module, style
        return
    ends = getattr(module, "lora_B", {}).values()
    biased = style.cut == "in" and any(each.bias is not None for each in ends)  # added by each rank
    other = any(getattr(module, kind, ()) for kind in ("lora_variant", "lora_magnitude_vector"))
    if not ends or biased or other:
        raise ValueError(
            f"{path}: adapters other than plain LoRA cannot be shared out. Merge them into the "
            "weights first, and remove them: fuse_lora(), then unload_lora_weights()."
        )
    yield f"{path}.base_layer", module.base_layer, style  # type: ignore[misc]
    outer = {"out": "lora_B", "in": "lora_A"}.get(style.cut)
    for name, layer in getattr(module, outer).items() if outer else ():
        yield f"{path}.{outer}.{name}", layer, style


def cuts(layer: nn.Module, style: Style, where: str) -> Iterator[tuple[str, int | None]]:
    """(parameter, dimension along which it is cut) of a layer.

    Raises:
        ValueError: nobody knows how to cut such a layer.
    """
    known = {name for name, each in layer._parameters.items() if each is not None}
    if not style.cut:
        return
    if style.cut == "all":
        yield from ((name, 0) for name in sorted(known))
        return
    if isinstance(layer, nn.Embedding):
        yield "weight", 1 if style.cut == "out" else 0
        return
    weights = [name for name in ("weight", "bias") if name in known]
    others = sorted(known | {name for name, each in layer._buffers.items() if each is not None})
    others = [name for name in others if name not in weights]
    if others or callable(getattr(layer, "weight", None)):
        what = f"holds {' and '.join(others)}" if others else "computes its weight"
        raise ValueError(
            f"{where} is a {type(layer).__name__} that {what}, as quantized layers do, and nobody "
            f"knows how to cut that. {QUANTIZE_AFTERWARDS}"
        )
    if "weight" not in weights:
        raise ValueError(
            f"{where} is a {type(layer).__name__}, which has no weight to be shared out. "
            "Correct the name in the tensor-parallel plan."
        )
    for name in weights:
        if style.cut == "out":
            yield name, 0
        else:
            yield name, 1 if name == "weight" else None


def sizes_of(layer: nn.Module, style: Style) -> Iterator[str]:
    """Names of the numbers on a layer that say how large its weight is."""
    if style.cut == "all":
        names: tuple[str, ...] = ("normalized_shape", "num_groups", "num_channels")
    elif isinstance(layer, nn.Embedding):
        names = ("embedding_dim",) if style.cut == "out" else ("num_embeddings",)
    elif isinstance(layer, CONVOLUTIONS) and layer.groups > 1:
        names = ("out_channels", "in_channels", "groups")
    else:
        names = (
            ("out_features", "out_channels")
            if style.cut == "out"
            else ("in_features", "in_channels")
        )
    yield from (name for name in names if style.cut and hasattr(layer, name))
