"""The file that supports a model, and the test that proves it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

from cache_dit.new_model.find_context import ContextPlan
from cache_dit.new_model.find_tensor import TensorPlan
from cache_dit.new_model.source import plan_source, source

HEAD = Template('''"""Support of $name by cache-dit, as `cache-dit new-model` found it.

    cache-dit verify $file                 # each of these proves one axis,
    cache-dit verify $file --axis cp       # on this machine
    cache-dit verify $file --axis tp
"""

from __future__ import annotations

from typing import Any, ClassVar

$imports''')

ADAPTER = Template('''

@BlockAdapterRegister.register("$name")
def ${snake}_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """$name."""
    return BlockAdapter(
        pipe=pipe,
$fields
        **kwargs,
    )
''')

CONTEXT = Template("""

@ContextParallelismPlannerRegister.register("$name")
class ${short}ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[dict[str, Any]] = $plan
""")

TENSOR = Template("""

@TensorParallelismPlannerRegister.register("$name")
class ${short}TensorParallelismPlanner(TensorParallelismPlanner):
    plan: ClassVar[dict[str, Any]] = $plan
    divide = $divide
""")

TEST = Template('''"""$name on every axis that is supported: exact, over several ranks too."""

from __future__ import annotations

from pathlib import Path

import pytest

from cache_dit.verify.axes import verify_model

SUPPORT = str(Path(__file__).with_name("$file"))


@pytest.mark.parametrize("axis", $axes)
def test_$snake(axis: str) -> None:
    report = verify_model(SUPPORT, axis)
    assert report.ok, str(report)
''')


def support_source(
    name: str,
    file: str,
    imports: str,
    adapter: Mapping[str, Any],
    context: ContextPlan,
    tensor: TensorPlan,
) -> str:
    """The file with adapter and plans; importing it registers them."""
    words = {"name": name, "file": file, "snake": snake_case(name), "short": _short(name)}
    body = ADAPTER.substitute(words, fields=_fields(adapter))
    if context.plan:
        body += CONTEXT.substitute(words, plan=plan_source(context.plan))
    if tensor.plan:
        plan, divide = plan_source(tensor.plan), source(tensor.divide, 4, len("divide = "))
        body += TENSOR.substitute(words, plan=plan, divide=divide)
    needed = _imports(body) + imports
    return HEAD.substitute(words, imports=needed) + body


def test_source(name: str, file: str, axes: list[str]) -> str:
    """The test that goes with it."""
    return TEST.substitute(name=name, file=file, snake=snake_case(name), axes=source(axes))


def write(folder: Path, name: str, support: str, axes: list[str]) -> list[Path]:
    """Write both files; gives their paths.

    Raises:
        ValueError: one of them is there already.
    """
    paths = [folder / f"{snake_case(name)}_support.py", folder / f"test_{snake_case(name)}.py"]
    for path in paths:
        if path.exists():
            raise ValueError(f"{path} is there already. Move it away, or choose another --output.")
    folder.mkdir(parents=True, exist_ok=True)
    paths[0].write_text(support, encoding="utf-8")
    paths[1].write_text(test_source(name, paths[0].name, axes), encoding="utf-8")
    return paths


def snake_case(name: str) -> str:
    """``FluxTransformer2DModel`` as ``flux_transformer_2d_model``."""
    words = name.replace("DiT", "Dit")
    apart = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[A-Z0-9])(?=[A-Z][a-z])", "_", words)
    return apart.lower()


def _short(name: str) -> str:
    return re.sub(r"(Transformer)?([123]D)?(Model)?$", "", name) or name


def _fields(adapter: Mapping[str, Any]) -> str:
    return "\n".join(
        f"        {name}={source(value, 8, len(name) + 2)}," for name, value in adapter.items()
    )


def _imports(body: str) -> str:
    """Imports of the names that the source uses."""
    public = ["BlockAdapter", "BlockAdapterRegister", "ForwardPattern"]
    lines = [f"from cache_dit import {', '.join(public)}\n"]
    parallel = [
        name
        for name in (
            "ContextParallelismPlanner",
            "ContextParallelismPlannerRegister",
            "TensorParallelismPlanner",
            "TensorParallelismPlannerRegister",
            "attention",
            "gather",
            "packed_colwise",
            "packed_rowwise",
            "split",
        )
        if re.search(rf"(?<!\")\b{name}\b", body)
    ]
    if parallel:
        names = "".join(f"    {name},\n" for name in parallel)
        lines.append(f"from cache_dit.parallelism import (\n{names})\n")
    return "".join(lines)
