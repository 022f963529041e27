"""Read from the source of a transformer how it goes over its block lists.

A loop such as ``for block in self.blocks: x, y = block(a=x, b=y)`` says everything that an adapter
has to know: which list, which arguments are streams, and in which order they come back.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from ...intercept import original_class, parameter_names


@dataclass(frozen=True)
class BlockLoop:
    """One call of a block in a loop over a block list.

    Attributes:
        name: path of the block list in the transformer.
        inputs: parameter of the block -> variable that is passed.
        outputs: variables that the outputs are assigned to; empty if that cannot be told.
    """

    name: str
    inputs: dict[str, str]
    outputs: tuple[str, ...]

    @property
    def streams(self) -> list[str]:
        """Variables that go in and come out again, in the order of the outputs."""
        return [variable for variable in self.outputs if variable in self.inputs.values()]

    def parameter(self, variable: str) -> str:
        """The parameter by which a variable goes in."""
        return next(name for name, value in self.inputs.items() if value == variable)


def block_loops(transformer: nn.Module) -> list[BlockLoop]:
    """All loops over module lists in the methods of a transformer, in the order of the source.

    Empty where there is no source, or where blocks are called in another way.
    """
    cls = original_class(transformer)
    sources = [_source(each) for each in cls.__mro__ if each is not nn.Module]
    loops: dict[tuple[str, tuple[str, ...]], BlockLoop] = {}
    for tree in sources:
        functions = ast.walk(tree) if tree is not None else ()
        for function in functions:
            if isinstance(function, ast.FunctionDef):
                for loop in _loops_of(function, transformer):
                    loops.setdefault((loop.name, loop.outputs), loop)
    return list(loops.values())


def _source(cls: type) -> ast.AST | None:
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):  # built in, typed at a prompt, or made by exec
        return None


def _loops_of(function: ast.FunctionDef, transformer: nn.Module) -> Iterator[BlockLoop]:
    values = {  # of variables that stand for a list of blocks, or for a tuple of arguments
        node.targets[0].id: node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For)]
    for node in sorted(loops, key=lambda loop: loop.lineno):
        yield from _loops(node, values, transformer)


def _loops(
    node: ast.For, values: dict[str, ast.expr], transformer: nn.Module
) -> Iterator[BlockLoop]:
    for variable, path in _bindings(node.target, node.iter, values):
        try:
            blocks = transformer.get_submodule(path)
        except AttributeError:
            continue
        if isinstance(blocks, nn.ModuleList) and len(blocks):
            parameters = parameter_names(blocks[0])
            for assign in ast.walk(node):
                if isinstance(assign, ast.Assign) and (call := _call_of(assign.value, variable)):
                    inputs = _inputs(call, parameters, values)
                    yield BlockLoop(path, inputs, _names(assign.targets[0]))


def _bindings(
    target: ast.expr, iterable: ast.expr, values: dict[str, ast.expr]
) -> Iterator[tuple[str, str]]:
    """Loop variables, each with the path of the list whose elements it takes."""
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name):
        kind, arguments = iterable.func.id, iterable.args
        parts = target.elts if isinstance(target, ast.Tuple) else []
        if kind == "enumerate" and len(parts) == 2:
            yield from _bindings(parts[1], arguments[0], values)
        elif kind == "zip" and len(parts) == len(arguments):
            for part, argument in zip(parts, arguments, strict=True):
                yield from _bindings(part, argument, values)
    elif isinstance(target, ast.Name) and (path := _path(iterable, values)):
        yield target.id, path


def _path(node: ast.expr, values: dict[str, ast.expr]) -> str | None:
    """``self.a.b`` as ``a.b``; a key of a module dictionary counts as an attribute, a slice not."""
    if isinstance(node, ast.Name):
        value = values.get(node.id)
        return _path(value, {}) if value is not None else None
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name):
            return node.attr if node.value.id == "self" else None
        owner = _path(node.value, values)
        return f"{owner}.{node.attr}" if owner else None
    if isinstance(node, ast.Subscript):
        owner = _path(node.value, values)
        key = f".{node.slice.value!s}" if isinstance(node.slice, ast.Constant) else ""
        return f"{owner}{key}" if owner else None
    return None


def _call_of(value: ast.expr, variable: str) -> ast.Call | None:
    if isinstance(value, ast.Subscript):  # a block that returns a tuple of one
        value = value.value
    if isinstance(value, ast.IfExp):  # block(...), or the same with gradient checkpointing
        return _call_of(value.body, variable) or _call_of(value.orelse, variable)
    named = isinstance(value, ast.Call) and isinstance(value.func, ast.Name)
    return value if named and value.func.id == variable else None  # type: ignore[attr-defined, return-value]


def _inputs(call: ast.Call, parameters: list[str], values: dict[str, ast.expr]) -> dict[str, str]:
    positional: list[ast.expr] = []
    for argument in call.args:
        name = argument.value if isinstance(argument, ast.Starred) else None
        packed = values.get(name.id) if isinstance(name, ast.Name) else None
        positional += packed.elts if isinstance(packed, ast.Tuple) else [argument]
    bound = [
        *zip(parameters, positional, strict=False),
        *((keyword.arg, keyword.value) for keyword in call.keywords if keyword.arg),
    ]
    return {name: value.id for name, value in bound if isinstance(value, ast.Name)}


def _names(target: ast.expr) -> tuple[str, ...]:
    elements = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
    names = [element.id for element in elements if isinstance(element, ast.Name)]
    return tuple(names) if len(names) == len(elements) else ()
