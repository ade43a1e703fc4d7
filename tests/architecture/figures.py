"""Figures of how the code is built, as `python -m tests.architecture.figures` prints them.

A *chain* is the longest path through the graph of modules, where an edge is an import that runs
when the module is loaded: one at its top, not one within a function or for types alone. A *circle*
is a set of modules that reach each other along such edges.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("infra", "registry", "compliance", "serving", "pipelines")
VALUES = {"BaseModel", "BaseSettings", "Enum", "NamedTuple", "Protocol", "StrEnum", "TypedDict"}
"""Bases that make a class a value, a port or a choice."""

Graph = Mapping[str, frozenset[str]]


@cache
def modules() -> Mapping[str, ast.Module]:
    """Return the syntax tree of each module by its dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"))
    return found


def graph() -> Graph:
    """Return which modules each module imports while it is loaded."""
    known = modules()
    return {
        name: frozenset(other for other in _imported(tree.body) if other in known and other != name)
        for name, tree in known.items()
    }


def _imported(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                for alias in node.names:
                    inner = f"{module}.{alias.name}"
                    yield inner if inner in modules() else module
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from _imported(node.orelse)
            case _:
                for part in ("body", "orelse", "finalbody", "handlers"):
                    yield from _imported(getattr(node, part, ()))


def circle(edges: Graph) -> Sequence[str]:
    """Return modules that import each other in a circle; empty when none do."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as err:
        return [str(name) for name in err.args[1]]
    return ()


def chain(edges: Graph) -> Sequence[str]:
    """Return the modules of a longest chain, the importing one first; there is no circle."""
    longest: dict[str, tuple[str, ...]] = {}
    for name in TopologicalSorter(edges).static_order():
        below = max((longest[other] for other in sorted(edges[name])), key=len, default=())
        longest[name] = (name, *below)
    return max(longest.values(), key=len)


def heirs() -> Sequence[str]:
    """Return `module.Class(Base)` where a class takes methods from a class of the project.

    Left out are errors, pydantic's values, Protocols and enums as bases. No dataclass extends
    another that has methods, so that needs no exception.
    """
    known = _classes()
    return sorted(
        f"{module}.{name}({', '.join(inherited)})"
        for (module, name), node in known.items()
        if (
            inherited := [
                base[1]
                for base in _bases(module, node)
                if base in known and _has_methods(known[base]) and not _is_plain(base)
            ]
        )
    )


@cache
def _classes() -> Mapping[tuple[str, str], ast.ClassDef]:
    return {
        (module, node.name): node
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }


def _bases(module: str, node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of each base; the module is "" where it is not of the project."""
    for base in node.bases:
        match base.value if isinstance(base, ast.Subscript) else base:
            case ast.Name(id=name):
                yield _origin(module, name), name
            case ast.Attribute(value=ast.Name(id=holder), attr=name):
                yield f"{_origin(module, holder)}.{holder}", name


def _origin(module: str, wanted: str) -> str:
    """Return the module that a name in a module was imported from, or that module itself."""
    for node in ast.walk(modules()[module]):
        match node:
            case ast.ImportFrom(module=str(origin), names=names):
                if any(wanted == (alias.asname or alias.name) for alias in names):
                    return origin
            case ast.Import(names=names):
                if any(wanted == (alias.asname or alias.name) for alias in names):
                    return ""
    return module


def _is_plain(which: tuple[str, str]) -> bool:
    """Whether a class is an error, a pydantic value, a Protocol or an enum."""
    return any(
        name in VALUES
        or name.endswith(("Error", "Exception", "Warning"))
        or ((origin, name) in _classes() and _is_plain((origin, name)))
        for origin, name in _bases(which[0], _classes()[which])
    )


def _has_methods(node: ast.ClassDef) -> bool:
    return any(isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) for item in node.body)


def wide(package: str, most: int) -> Sequence[str]:
    """Return `module.function` of those that take more than so many parameters.

    What every row function is given, `connection`, does not count, and neither do commands, whose
    parameters are the options of a command line.
    """
    found = []
    for module, tree in modules().items():
        if not module.startswith(f"{package}."):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_command(node):
                taken = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
                names = {arg.arg for arg in taken} - {"self", "cls", "connection"}
                if len(names) > most:
                    found.append(f"{module}.{node.name}")
    return sorted(found)


def _is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(decorator, ast.Call)
        and isinstance(decorator.func, ast.Attribute)
        and decorator.func.attr == "command"
        for decorator in node.decorator_list
    )


def flat(folder: str) -> Sequence[str]:
    """Return the modules that lie right in a folder, in no room of it."""
    return sorted(path.stem for path in (ROOT / folder).glob("*.py") if path.stem != "__init__")


def figures() -> str:
    """Return the figures as lines of text."""
    edges = graph()
    longest = chain(edges)
    lines = [
        f"modules: {len(edges)}",
        f"modules in a circle: {len(circle(edges))}",
        f"longest chain: {len(longest)} modules",
        *(f"    {name}" for name in longest),
        f"classes with methods from a class of the project: {len(heirs())}",
        *(f"    {name}" for name in heirs()),
        f"functions of registry/ with more than 5 parameters: {', '.join(wide('registry', 5))}",
        f"flat in registry/: {', '.join(flat('registry'))}",
        f"flat in registry/adapters/: {', '.join(flat('registry/adapters'))}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(figures())
