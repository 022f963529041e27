"""Whether a command line in the documentation is one that exists; nothing is run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path

import typer.main

from cache_dit.cli import app
from tests.docs.pages import ROOT

TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
EXTRAS = metadata("cache-dit").get_all("Provides-Extra") or []
FOREIGN = {"git", "pre-commit", "source", "cd"}
"""Programs of others, whose command lines are not looked at."""

ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


def problems_of(code: str) -> list[str]:
    """What is wrong with the lines of a block, which may begin by going to a folder."""
    folder, found = ROOT, []
    for line in code.replace("\\\n", " ").splitlines():
        if line.startswith("cd ") and (ROOT / line[3:].strip()).is_dir():
            folder = ROOT / line[3:].strip()
        found.append(problem_of(line, folder))
    return [problem for problem in found if problem]


def problem_of(line: str, folder: Path = ROOT) -> str:
    """What is wrong with a command line, run in a folder; empty if nothing is."""
    words = shlex.split(line, comments=True)
    while words and ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if not words:
        return ""
    program, arguments = words[0].rpartition("/")[2], words[1:]
    if program in FOREIGN:
        return ""
    if program in ("torchrun", "python", "python3"):
        return _script(arguments, folder)
    check = CHECKS.get(program)
    return check(arguments) if check else f"{program}: an unknown program"


def _cache_dit(arguments: list[str]) -> str:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    name, *rest = [*arguments, ""]
    if name not in commands:
        return f"cache-dit has no command {name!r}"
    known = {option for each in commands[name].params for option in each.opts} | {"--help"}
    unknown = [option for option in _options(rest) if option not in known]
    return f"cache-dit {name} has no option {unknown[0]}" if unknown else ""


def _make(arguments: list[str]) -> str:
    targets = [each for each in arguments if not ASSIGNMENT.fullmatch(each)]
    unknown = [each for each in targets if each not in TARGETS]
    return f"make has no target {unknown[0]}" if unknown else ""


def _script(arguments: list[str], folder: Path) -> str:
    """``torchrun`` or ``python``, perhaps with ``-m torch.distributed.run``, and a script."""
    if "cache-dit" in arguments:  # torchrun --no-python cache-dit ...
        return _cache_dit(arguments[arguments.index("cache-dit") + 1 :])
    if "cache_dit.cli" in arguments:
        return _cache_dit(arguments[arguments.index("cache_dit.cli") + 1 :])
    at = next((n for n, each in enumerate(arguments) if each.endswith(".py")), None)
    if at is None:
        return ""
    if arguments[at] == "script.py":  # the reader's own
        return ""
    path = folder / arguments[at]
    if not path.is_file():
        return f"there is no {arguments[at]}"
    text = path.read_text(encoding="utf-8")
    if "from loading import" in text:
        text += (path.parent / "loading.py").read_text(encoding="utf-8")
    unknown = [each for each in _options(arguments[at + 1 :]) if not _defines(text, each)]
    return f"{arguments[at]} has no option {unknown[0]}" if unknown else ""


def _defines(script: str, option: str) -> bool:
    """Whether a script says ``"--option"``, or ``arguments(..., option=...)``."""
    flag = rf"\barguments\(.*\b{option.lstrip('-')}="
    return f'"{option}"' in script or re.search(flag, script) is not None


def _pip(arguments: list[str]) -> str:
    extras = re.findall(r"\[(\w+)\]", " ".join(arguments))
    unknown = [extra for extra in extras if extra not in EXTRAS]
    return f"there is no extra {unknown[0]}" if unknown else ""


def _options(arguments: list[str]) -> list[str]:
    return [each.partition("=")[0] for each in arguments if re.match(r"--?[a-z]", each)]


CHECKS: dict[str, Callable[[list[str]], str]] = {
    "cache-dit": _cache_dit,
    "make": _make,
    "pip": _pip,
}
