"""How many models of the zoo `cache-dit new-model` supports without a correction, on each axis.

    python tools/new_model_share.py [NAME ...] [--axis cache] [--json FILE]

What is registered for a model is hidden, its support file is written as for a new model, and the
model is verified with it. What FILE already says about a model is kept, so that a measurement that
was broken off goes on; without FILE, all is measured anew.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from diffusers.utils import logging as diffusers_logging
from rich.console import Console
from rich.table import Table

from cache_dit import BlockAdapterRegister
from cache_dit.new_model.facts import Facts
from cache_dit.new_model.find_cache import find_adapter
from cache_dit.new_model.find_context import ContextPlan, find_context_plans
from cache_dit.new_model.find_tensor import TensorPlan, find_tensor_plans
from cache_dit.new_model.target import find_target
from cache_dit.new_model.trial import first_exact, wrong_context, wrong_tensor
from cache_dit.new_model.write import support_source
from cache_dit.parallelism import (
    ContextParallelismPlannerRegister,
    TensorParallelismPlannerRegister,
)
from cache_dit.verify import zoo
from cache_dit.verify.axes import verify_model
from cache_dit.verify.ranks import ranks

REGISTERS: tuple[Any, ...] = (
    BlockAdapterRegister,
    ContextParallelismPlannerRegister,
    TensorParallelismPlannerRegister,
)
TARGETS = {"cache": 0.7, "cp": 0.5, "tp": 0.5}
"""Axis -> the share that is to be reached."""

Entries = list[tuple[Any, str, Any]]  # register, prefix, what was registered


@dataclass(frozen=True)
class Outcome:
    """What became of one model on one axis: an empty reason is success."""

    model: str
    axis: str
    reason: str


def base_models() -> list[str]:
    """The classes of the zoo that the installed diffusers has, each in its plainest form."""
    return [name for name in zoo.names() if "/" not in name and zoo.get(name).available]


def hide(class_name: str) -> Entries:
    """Take away whatever is registered for a class; gives it back for `restore`."""
    hidden = []
    for register in REGISTERS:
        for prefix in _prefixes(register, class_name):
            hidden.append((register, prefix, register._registry.find(prefix)))
            register.unregister(prefix)
    return hidden


def restore(class_name: str, hidden: Entries) -> None:
    """Put it back, in place of what was registered meanwhile."""
    hide(class_name)
    for register, prefix, entry in hidden:
        register.register(prefix)(entry)


_hidden_here: dict[str, Entries] = {}


def use_written(class_name: str, path: str) -> None:
    """On a rank: what a file registers, in place of what is registered."""
    _hidden_here[class_name] = hide(class_name)
    run_file(path)


def use_registered(class_name: str) -> None:
    """On a rank: undo `use_written`, if this is still the process that did it."""
    if (hidden := _hidden_here.pop(class_name, None)) is not None:
        restore(class_name, hidden)


def run_file(path: str) -> None:
    """Register what is in a support file."""
    code = compile(Path(path).read_text(encoding="utf-8"), path, "exec")
    exec(code, {"__name__": "support"})


def outcomes(name: str, axes: Sequence[str]) -> Iterator[Outcome]:
    """Write the support of a model, and verify it on some axes; what is not written fails."""
    class_name = zoo.get(name).class_name
    hidden = hide(class_name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "support.py"
        try:
            text, missing = written(name)
            path.write_text(text, encoding="utf-8")
            run_file(str(path))
            for axis in axes:
                reason = missing.get(axis) or _reason(name, axis, class_name, str(path))
                yield Outcome(name, axis, reason)
        except Exception as error:
            for axis in axes:
                yield Outcome(name, axis, f"{type(error).__name__}: {error}")
        finally:
            restore(class_name, hidden)


def written(name: str) -> tuple[str, dict[str, str]]:
    """The support file of a model of the zoo; and axis -> why there is nothing for it."""
    target = find_target(name)
    facts = Facts.of(target.model, target.arguments, target.later)
    adapter = find_adapter(facts)
    context = first_exact(target.entry, find_context_plans(facts), wrong_context)
    tensor = first_exact(target.entry, find_tensor_plans(facts), wrong_tensor)
    text = support_source(
        target.name, "support.py", target.imports, adapter.fields, context, tensor
    )
    parts: dict[str, ContextPlan | TensorPlan] = {"cp": context, "tp": tensor}
    return text, {axis: "; ".join(part.notes) for axis, part in parts.items() if not part.plan}


def _reason(name: str, axis: str, class_name: str, path: str) -> str:
    if axis == "cache":
        return _verified(name, axis)
    with _on_ranks(class_name, path):
        return _verified(name, axis)


def _verified(name: str, axis: str) -> str:
    report = verify_model(name, axis)
    return "" if report.ok else report.reason


@contextmanager
def _on_ranks(class_name: str, path: str) -> Iterator[None]:
    ranks(2).run(use_written, class_name, path)
    try:
        yield
    finally:
        ranks(2).run(use_registered, class_name)


def _prefixes(register: Any, class_name: str) -> list[str]:
    return [name for name in register._registry.names() if class_name.startswith(name)]


def shares(found: Sequence[Outcome]) -> dict[str, tuple[int, int]]:
    """Axis -> (models that pass, models)."""
    axes = dict.fromkeys(each.axis for each in found)
    return {
        axis: (
            sum(not each.reason for each in found if each.axis == axis),
            sum(each.axis == axis for each in found),
        )
        for axis in axes
    }


def table(found: Sequence[Outcome]) -> Table:
    """What did not pass, and the shares."""
    made = Table(title="cache-dit new-model, unedited")
    for column in ("model", "axis", "why not"):
        made.add_column(column, overflow="fold")
    for each in found:
        if each.reason:
            made.add_row(each.model, each.axis, each.reason[:300])
    for axis, (passed, count) in shares(found).items():
        made.add_row("[bold]all[/bold]", axis, f"{passed} of {count} pass: {passed / count:.0%}")
    return made


def stored(path: Path) -> list[Outcome]:
    """The outcomes in a file; none where there is no such file."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [Outcome(**row) for row in rows]


def store(path: Path, found: Sequence[Outcome]) -> None:
    """Write outcomes, one a line, in the order of the zoo and of the axes."""
    order = {name: number for number, name in enumerate(zoo.names())}
    rows = sorted(found, key=lambda each: (order[each.model], each.axis))
    shortened = [{**vars(each), "reason": shorten(each.reason, 240)} for each in rows]
    lines = ",\n".join(map(json.dumps, shortened))
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def quiet() -> None:
    """Without the warnings of what is about to be tried, and with one thread."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    logging.getLogger("cache_dit").setLevel(logging.ERROR)
    diffusers_logging.set_verbosity_error()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="models of the zoo; all by default")
    parser.add_argument("--axis", action="append", choices=list(TARGETS))
    parser.add_argument("--json", type=Path, help="write the outcomes to this file; go on with it")
    chosen = parser.parse_args()
    quiet()
    console = Console()
    found = stored(chosen.json) if chosen.json else []
    known = {(each.model, each.axis) for each in found}
    for name in chosen.names or base_models():
        axes = [axis for axis in chosen.axis or TARGETS if (name, axis) not in known]
        for each in outcomes(name, axes) if axes else ():
            found.append(each)
            console.print(each.model, each.axis, each.reason[:200] or "passes", markup=False)
            if chosen.json:
                store(chosen.json, found)
    console.print(table(found))


if __name__ == "__main__":
    from new_model_share import main as run  # under the name that other processes import it by

    run()
