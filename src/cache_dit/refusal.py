"""How a command refuses what it was given: in a sentence, and without a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.text import Text


@contextmanager
def refusals(console: Console) -> Iterator[None]:
    """Within it, errors that explain themselves are printed, and the command ends with status 2."""
    try:
        yield
    except (ValueError, NotImplementedError, OSError) as error:
        said = str(error)
        has_code = "\n" in said  # to be copied as it is
        console.print(Text.assemble(("Error: ", "red"), said), soft_wrap=has_code)
        raise typer.Exit(2) from None
