"""Check what keeps the code readable: who imports whom, how long things are, what is left alone.

    python tools/check_structure.py [FILE_OR_DIRECTORY ...]

Prints one `file:line: rule: message` for each violation and exits with 1 if there is any.
Nothing is imported: the files are read as syntax trees.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "cache_dit"
DEFAULT_ROOTS = ("src", "tools", "tests", "examples", "benchmarks")
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 60

LEAVES = (
    *("registry", "intercept", "undo", "comm", "logger"),
    *("safe_import", "attention_backend", "closest"),
)
ENGINE = (
    "api",
    "taking_off",
    "targets",
    "load_configs",
    "compile_configs",
    "caching",
    "parallelism",
    *LEAVES,
)
PUBLIC = ("__init__", "api", "load_configs", "assignments", "launch", "refusal", "metrics", *LEAVES)
ALLOWED_IMPORTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(LEAVES, LEAVES),
    "caching": LEAVES,
    "parallelism": LEAVES,
    "distributed": ("parallelism",),
    "compile_configs": (),
    "metrics": LEAVES,
    "load_configs": ("caching", "parallelism", *LEAVES),
    "assignments": ("load_configs",),
    "launch": (),
    "refusal": (),
    "targets": ("caching", "parallelism", *LEAVES),
    "taking_off": ("targets", "caching", "parallelism", *LEAVES),
    "api": ("taking_off", "targets", "load_configs", "caching", "parallelism", *LEAVES),
    "__init__": (*ENGINE, "metrics"),
    "verify": ("__init__", *ENGINE, "metrics", "refusal"),
    "demo": ("parallelism", *PUBLIC),
    "generate": ("demo", "compile_configs", *PUBLIC),
    "new_model": ("verify", "caching", "parallelism", *PUBLIC),
    "cli": ("demo", "generate", "new_model", "verify", *PUBLIC),
}
"""Part of the package -> the other parts that it may import. A new part needs a row here."""

TENSOR_FREE = (f"{PACKAGE}.caching.policy", f"{PACKAGE}.caching.steps_mask")
"""Decisions are plain Python, so that they can be tested without a model."""

SETS_OPTIONS_OF_OTHERS = (f"{PACKAGE}.compile_configs", f"{PACKAGE}.attention_backend")
"""To write another library's options is what these modules are for."""


@dataclass(frozen=True)
class SourceFile:
    """One parsed file, and where it stands in the package (if it does)."""

    path: Path
    tree: ast.Module
    lines: int
    module: str | None  # dotted name, for files of the package

    @property
    def part(self) -> str:
        """The part of the package: `caching`, `api`, ..., or `__init__` for the package itself."""
        names = (self.module or "").split(".")
        return names[1] if len(names) > 1 else "__init__"


@dataclass(frozen=True)
class Violation:
    path: Path
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


Finding = tuple[int, str]  # line, message
Rule = Callable[[SourceFile], Iterator[Finding]]


def file_length(source: SourceFile) -> Iterator[Finding]:
    if source.lines > MAX_FILE_LINES:
        yield (
            MAX_FILE_LINES + 1,
            f"{source.lines} lines, more than {MAX_FILE_LINES}. Split it by idea.",
        )


def function_length(source: SourceFile) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION_LINES:
                yield (
                    node.lineno,
                    f"{node.name} has {lines} lines, more than {MAX_FUNCTION_LINES}. "
                    "Name its steps and make them functions.",
                )


def import_arrows(source: SourceFile) -> Iterator[Finding]:
    if source.module is None:
        return
    allowed = ALLOWED_IMPORTS.get(source.part)
    if allowed is None:
        yield 1, f"{source.part} is a new part of the package. Add its row to ALLOWED_IMPORTS."
        return
    for line, name in _imported_modules(source):
        part = _part_of(name)
        if part is not None and part != source.part and part not in allowed:
            what = f"{PACKAGE}.{part}" if part != "__init__" else f"the package {PACKAGE} itself"
            yield (
                line,
                f"{source.part} imports {what}. It may import: {', '.join(allowed)}.",
            )


def tensor_free(source: SourceFile) -> Iterator[Finding]:
    if source.module in TENSOR_FREE:
        for line, name in _imported_modules(source):
            if name.split(".")[0] in ("torch", "numpy", "diffusers"):
                yield line, f"{source.module} imports {name}. It decides on plain numbers."


def no_unittest(source: SourceFile) -> Iterator[Finding]:
    if source.module is None:
        return
    for line, name in _imported_modules(source):
        if name.split(".")[0] in ("unittest", "mock"):
            yield line, f"{name} is for tests. Use intercept() to change what a call does."


def no_class_patching(source: SourceFile) -> Iterator[Finding]:
    if source.module is None or source.module in SETS_OPTIONS_OF_OTHERS:
        return
    imported = _imported_names(source.tree)
    for node, target in _written_attributes(source.tree):
        if _is_class_of_object(target) or _leftmost_name(target) in imported:
            yield (
                node.lineno,
                f"an attribute of {ast.unparse(target)} is written, which all its users share. "
                "Use intercept() on the one object.",
            )


def no_foreign_state(source: SourceFile) -> Iterator[Finding]:
    if source.module is None or source.module in SETS_OPTIONS_OF_OTHERS:
        return
    for node, target in _written_attributes(source.tree):
        name = _written_name(node)
        private = name.startswith("_") and not name.startswith("__")
        if private and ast.unparse(target) not in ("self", "cls"):
            yield (
                node.lineno,
                f"{name} is written on {ast.unparse(target)} from outside. Keep own state in own "
                "objects (a dict by id, a weak map), or give its class a method.",
            )


RULES: dict[str, Rule] = {
    "file-length": file_length,
    "function-length": function_length,
    "import-arrows": import_arrows,
    "tensor-free": tensor_free,
    "no-unittest": no_unittest,
    "no-class-patching": no_class_patching,
    "no-foreign-state": no_foreign_state,
}


def _imported_modules(source: SourceFile) -> Iterator[tuple[int, str]]:
    """Every module named by an import, at any depth; `from a import b` counts as `a.b`."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, source)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _absolute(node: ast.ImportFrom, source: SourceFile) -> str:
    if not node.level:
        return node.module or ""
    names = (source.module or "").split(".")
    if source.path.name == "__init__.py":
        names.append("__init__")
    base = names[: len(names) - node.level]
    return ".".join([*base, node.module] if node.module else base)


def _part_of(name: str) -> str | None:
    """The part of the package that an imported name lives in; None for foreign modules."""
    names = name.split(".")
    if names[0] != PACKAGE:
        return None
    return names[1] if len(names) > 1 and names[1] in ALLOWED_IMPORTS else "__init__"


def _imported_names(tree: ast.Module) -> set[str]:
    """Names bound by imports: modules, and classes and functions defined elsewhere."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {(alias.asname or alias.name).split(".")[0] for node in nodes for alias in node.names}


WriteNode = ast.Attribute | ast.Call


def _written_attributes(tree: ast.Module) -> Iterator[tuple[WriteNode, ast.expr]]:
    """Each write or deletion of an attribute with a known name, and whose attribute it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
            yield node, node.value
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("setattr", "delattr")
            and node.args
        ):
            yield node, node.args[0]


def _written_name(node: WriteNode) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    name = node.args[1] if len(node.args) > 1 else None
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else ""


def _leftmost_name(target: ast.expr) -> str:
    while isinstance(target, ast.Attribute):
        target = target.value
    return target.id if isinstance(target, ast.Name) else ""


def _is_class_of_object(target: ast.expr) -> bool:
    if isinstance(target, ast.Attribute):
        return target.attr == "__class__"
    is_call = isinstance(target, ast.Call) and isinstance(target.func, ast.Name)
    return is_call and target.func.id == "type"  # type: ignore[attr-defined]


def read_source(path: Path) -> SourceFile:
    text = path.read_text(encoding="utf-8")
    _, found, inside = path.with_suffix("").as_posix().rpartition(f"src/{PACKAGE}/")
    module = f"{PACKAGE}.{inside}".replace("/", ".").removesuffix(".__init__") if found else None
    return SourceFile(path, ast.parse(text, str(path)), len(text.splitlines()), module)


def check(paths: list[Path]) -> list[Violation]:
    """All violations in the given files and directories."""
    files = sorted(
        {file for path in paths for file in ([path] if path.is_file() else path.rglob("*.py"))}
    )
    sources = map(read_source, files)
    return [
        Violation(source.path, line, name, message)
        for source in sources
        for name, rule in RULES.items()
        for line, message in rule(source)
    ]


def main(arguments: list[str]) -> int:
    root = Path(__file__).resolve().parent.parent
    paths = [Path(argument) for argument in arguments]
    if not paths:
        paths = [root / name for name in DEFAULT_ROOTS if (root / name).is_dir()]
    violations = check(paths)
    for violation in violations:
        print(violation)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
