"""`cache-dit new-model`: what was found in a model, and the files that were written for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cache_dit.new_model.facts import Facts
from cache_dit.new_model.find_cache import find_adapter
from cache_dit.new_model.find_context import find_context_plans
from cache_dit.new_model.find_tensor import find_tensor_plans
from cache_dit.new_model.target import Target, find_target
from cache_dit.new_model.trial import first_exact, wrong_context, wrong_tensor
from cache_dit.new_model.write import snake_case, support_source, write
from cache_dit.refusal import refusals


def new_model(
    target: Annotated[
        str,
        typer.Argument(
            help="FILE.py:Class or package.module:Class, beside make_inputs(step, seed); or a "
            "model of the zoo."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder; that of the model by default.")
    ] = None,
) -> None:
    """Look at a transformer and write its adapter, its plans and the test that proves them."""
    console = Console()
    with refusals(console):
        found = find_target(target)
        facts = Facts.of(found.model, found.arguments, found.later)
        console.print(lists_table(facts))
        console.print(attention_table(facts))
        adapter = find_adapter(facts)
        context = first_exact(found.entry, find_context_plans(facts), wrong_context)
        tensor = first_exact(found.entry, find_tensor_plans(facts), wrong_tensor)
        for axis, part in (("cache", adapter), ("cp", context), ("tp", tensor)):
            for note in part.notes:
                text = f"[yellow]To look at, {axis}:[/yellow] {escape(note)}"
                console.print(text, highlight=False, soft_wrap=True)
        file = f"{snake_case(found.name)}_support.py"
        text = support_source(found.name, file, found.imports, adapter.fields, context, tensor)
        axes = ["cache"] + ["cp"] * bool(context.plan) + ["tp"] * bool(tensor.plan)
        paths = write(output or found.folder, found.name, text, axes)
    for path in paths:
        console.print(f"Written: {path}", highlight=False)
    for line in proofs(found, paths[0], axes):
        console.print(f"Prove it: {line}", highlight=False, soft_wrap=True)


def proofs(found: Target, written: Path, axes: list[str]) -> list[str]:
    """Command lines that prove what was written, which imports the file of the model."""
    apart = found.entry.endswith(".py") and written.parent.resolve() != found.folder.resolve()
    path = f"PYTHONPATH={found.folder} " if apart else ""
    options = ["" if axis == "cache" else f" --axis {axis}" for axis in axes]
    return [f"{path}cache-dit verify {written}{option}" for option in options]


def lists_table(facts: Facts) -> Table:
    """The block lists: how many blocks, what they take and hand on."""
    table = Table(title=f"{facts.class_name}: block lists, in the order in which they run")
    for column in ("list", "blocks", "class", "takes", "pattern"):
        table.add_column(column)
    for each in facts.lists:
        calls = facts.calls(each)
        takes = ", ".join(calls[0].arguments) if calls else "never called"
        kind = type(each.blocks[0]).__name__
        table.add_row(each.name, str(len(each.blocks)), kind, takes, each.pattern.name)
    return table


def attention_table(facts: Facts) -> Table:
    """The attentions of the first block of each list: who attends to whom."""
    table = Table(title="Attention")
    for column in ("module", "heads", "key heads", "query tokens", "key tokens", "mask"):
        table.add_column(column)
    for each in facts.lists:
        for call in facts.calls(each)[:1]:
            for one in facts.seen.within(call.name):
                heads, tokens = one.query.shape[1:3]
                key_heads, keys = one.key.shape[1:3]
                numbers = map(str, (heads, key_heads, tokens, keys))
                table.add_row(one.name, *numbers, "yes" if one.mask else "")
    return table
