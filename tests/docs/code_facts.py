"""What the code says about itself: event types, reasons of refusals, paths, error classes."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from infra.errors import PlatformError
from registry.domain.values import RequestState
from serving.domain.state import Order

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("infra", "registry", "compliance", "serving", "pipelines")
_TYPE = re.compile(r"[a-z_]+\.[a-z_]+")
_RECORDERS = {"record", "_event", "_save", "_audit"}
_EXPANSIONS = {
    "state.value": [s.value for s in RequestState if s is not RequestState.OPEN],
    "order.value": [o.value for o in Order],
}
"""Values of the expressions that event types are put together from."""


@dataclass(frozen=True, slots=True, order=True)
class ReasonFact:
    """A rule that the platform itself may name in a refusal."""

    rule: str
    expected: str
    fix: str


@cache
def _trees(root: Path) -> tuple[tuple[str, ast.Module], ...]:
    files = (file for package in PACKAGES for file in sorted((root / package).rglob("*.py")))
    return tuple((str(f.relative_to(root)), ast.parse(f.read_text("utf-8"))) for f in files)


def event_types(root: Path) -> set[str]:
    """Every event type that the code records."""
    found: set[str] = set()
    for path, tree in _trees(root):
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=function, args=given) if _name(function) in _RECORDERS:
                    found.update(_types(given))
                case ast.keyword(arg="event", value=ast.Tuple(elts=parts)):
                    found.update(_types(parts[:1]))
                case ast.Return(value=ast.Tuple(elts=parts)) if path.endswith("progress.py"):
                    found.update(_types(parts[:1]))
                case _:
                    pass
    return found


def _types(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Constant(value=str(text)) if _TYPE.fullmatch(text):
                yield text
            case ast.IfExp(body=body, orelse=orelse):
                yield from _types((body, orelse))
            case ast.JoinedStr():
                yield from (t for t in _expanded(node) if _TYPE.fullmatch(t))
            case _:
                pass


def _expanded(node: ast.JoinedStr) -> list[str]:
    texts = [""]
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            endings = _EXPANSIONS.get(ast.unparse(part.value), [""])
        else:
            endings = [str(part.value)] if isinstance(part, ast.Constant) else [""]
        texts = [text + ending for text in texts for ending in endings]
    return texts


def reasons(root: Path) -> list[ReasonFact]:
    """Every reason with a fixed rule name, one per rule, sorted."""
    found: dict[str, ReasonFact] = {}
    for _path, tree in _trees(root):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) == "Reason":
                given = dict(zip(("rule", "expected", "found", "fix"), node.args, strict=False))
                given |= {k.arg: k.value for k in node.keywords if k.arg}
                rule = _text(given.get("rule"))
                if _TYPE.fullmatch(rule):
                    fact = ReasonFact(rule, _text(given.get("expected")), _text(given.get("fix")))
                    found.setdefault(rule, fact)
    return sorted(found.values())


def _text(node: ast.expr | None) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(p) if isinstance(p, ast.Constant) else "…" for p in parts)
        case _:
            return "…"


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def paths(file: Path) -> set[str]:
    """String literals of a module that are URL paths."""
    tree = ast.parse(file.read_text("utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"(/[\w{}:.-]+)+", node.value)
    }


def error_classes(root: Path) -> list[type[PlatformError]]:
    """Every class of error with a code of its own, sorted by code.

    Only modules that define an error are imported: importing all would load MLflow.
    """
    for path, tree in _trees(root):
        if "runtime" not in path and any(_is_coded_error(node) for node in ast.walk(tree)):
            importlib.import_module(path.removesuffix(".py").replace("/", "."))
    found: set[type[PlatformError]] = {PlatformError, *_below(PlatformError)}
    ours = {c for c in found if c.__module__.split(".")[0] in PACKAGES and "code" in vars(c)}
    return sorted(ours, key=lambda c: c.code)


def _is_coded_error(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.ClassDef)
        and node.name.endswith("Error")
        and any(
            isinstance(s, ast.Assign) and ast.unparse(s.targets[0]) == "code" for s in node.body
        )
    )


def _below(kind: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _below(child)


def mlflow_answers(root: Path) -> list[tuple[str, str]]:
    """(class, MLflow error code) of the store's translation table, in the order it is tried.

    Read, not imported: importing it would load MLflow.
    """
    tree = ast.parse((root / "registry" / "plugin" / "mlflow_errors.py").read_text("utf-8"))
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.match_case) and isinstance(node.body[0], ast.Return):
            call = node.body[0].value
            match node.pattern:
                case ast.MatchClass(cls=ast.Name(id=name)):
                    pass
                case _:
                    name = PlatformError.__name__
            if isinstance(call, ast.Call):
                found.append((name, ast.unparse(call.args[1])))
    return found
