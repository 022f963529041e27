"""The command `cache-dit`. Each of its commands lives in a module of its own."""

from __future__ import annotations

import typer

from cache_dit.demo.command import demo
from cache_dit.generate.command import generate
from cache_dit.new_model.command import new_model
from cache_dit.verify.command import verify

app = typer.Typer(
    name="cache-dit",
    help="Makes diffusion transformers faster: by a cache, and over several devices.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a plain traceback shows a mistake in one's own model best
)
app.command("demo")(demo)
app.command("generate")(generate)
app.command("new-model")(new_model)
app.command("verify")(verify)


@app.callback()
def main() -> None:
    """Makes diffusion transformers faster: by a cache, and over several devices."""


if __name__ == "__main__":  # torchrun -m cache_dit.cli demo --ulysses 2
    app()
