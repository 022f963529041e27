"""The functions that a file of one's own lacks, to be filled in."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from contextlib import suppress

from torch import nn

from cache_dit.caching.denoiser import TIMESTEP_ENDINGS, TIMESTEP_NAMES

UNKNOWN = 64  # a width to be corrected


def what_to_write(
    path: str,
    cls: type[nn.Module] | None,
    missing: list[str],
    make_model: Callable[[], nn.Module] | None,
) -> str:
    """What is missing, and how it may look for this class.

    Args:
        path: of the file.
        cls: the model's class, where it was named.
        missing: ``"make_model"``, ``"make_inputs"`` or both.
        make_model: the one that is there.
    """
    lines = [f"{path}: has no {' and no '.join(missing)}. Write in it:", ""]
    if "make_model" in missing:
        required = ", ".join(f"{each}=..." for each in _required(cls)) if cls else "..."
        owner = cls.__name__ if cls else "MyTransformer"
        lines += [
            "def make_model():  # small: four blocks in each list",
            f"    return {owner}({required})",
            "",
        ]
    if "make_inputs" in missing:
        lines += _inputs(_made(cls, make_model), cls)
    return "\n".join(lines)


def _inputs(model: nn.Module | None, cls: type[nn.Module] | None) -> list[str]:
    """Lines of ``make_inputs``."""
    owner = type(model) if model is not None else cls
    sample, *others = _parameters(owner) if owner else ["hidden_states"]
    widths = _widths(model) if model is not None else {}
    unsure = "" if sample in widths else "  # 64: as many channels as a token has"
    return [
        "def make_inputs(step, seed):  # lengths unlike any width: 15 image tokens, 7 of text",
        "    torch.manual_seed(seed)",
        f"    sample, direction = torch.randn(2, 2, 15, {widths.get(sample, UNKNOWN)}){unsure}",
        "    return {",
        f'        "{sample}": sample + 0.02 * step * direction,',
        *(f'        "{each}": {_value(each, widths)},' for each in others),
        "    }",
    ]


def _value(name: str, widths: dict[str, int]) -> str:
    if name in widths:
        return f"torch.randn(2, 7, {widths[name]})"
    is_time = name in TIMESTEP_NAMES or name.endswith(TIMESTEP_ENDINGS)
    return "torch.full((2,), 900.0 - step)" if is_time else "..."


def _made(
    cls: type[nn.Module] | None, make_model: Callable[[], nn.Module] | None
) -> nn.Module | None:
    """A model to look at, where one can be had."""
    with suppress(Exception):  # of foreign code; the template is shown without
        return make_model() if make_model else cls() if cls and not _required(cls) else None
    return None


def _widths(model: nn.Module) -> dict[str, int]:
    """Parameter of the model -> channels, for those that go into a linear layer as they are."""
    found: dict[str, int] = {}
    with suppress(OSError, TypeError, SyntaxError):  # no source
        tree = ast.parse(textwrap.dedent(inspect.getsource(type(model).forward)))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                layer, given = getattr(model, node.func.attr, None), node.args[0]
                if isinstance(layer, nn.Linear) and isinstance(given, ast.Name):
                    found.setdefault(given.id, layer.in_features)
    return found


def _required(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [
        each.name for each in parameters if each.default is each.empty and each.kind not in variable
    ]


def _parameters(cls: type[nn.Module]) -> list[str]:
    """Of its forward."""
    return list(inspect.signature(cls.forward).parameters)[1:]
