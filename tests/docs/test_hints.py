"""Commands that messages tell people to run are commands, with versions as commands take them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import click
import pytest

from infra.console.cli import acgs
from registry.versions.arguments import VersionType
from tests.docs.code_facts import ROOT

PACKAGES = ("infra", "registry", "compliance", "serving", "pipelines", "benchmarks")
VALUE, VERSION = "\x01", "NAME@VERSION"
_TOLD = re.compile(rf"\bacgs((?: [a-z][a-z-]*)+)(?: ({VALUE}|[A-Z][A-Z@]*\b\S*))?")


def texts(tree: ast.AST) -> Iterator[str]:
    """Every string, with `VALUE` where something is put in, `VERSION` where that is a version."""
    parts = {
        part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(_part(value) for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.value


def _part(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    inside = node.value if isinstance(node, ast.FormattedValue) else node
    called = inside.func if isinstance(inside, ast.Call) else None
    return VERSION if isinstance(called, ast.Name) and called.id == "spelled" else VALUE


def wrong(text: str) -> Iterator[str]:
    """What in a text names no command, one without its argument, or a version in another way.

    Only a text that is nothing but a command is taken for one to run: a sentence may name commands.
    """
    for words, after in _TOLD.findall(text):
        command: click.Command = acgs
        rest = words.split()
        while rest and isinstance(command, click.Group):
            found = command.get_command(click.Context(command), rest[0])
            if found is None and command is acgs:
                yield f"acgs {rest[0]}"
            if found is None:
                break
            command, rest = found, rest[1:]
        takes = any(isinstance(p.type, VersionType) and p.required for p in command.params)
        lacks = [p for p in command.params if isinstance(p, click.Argument) and p.required]
        if text == f"acgs{words}" and not rest and lacks:
            yield f"acgs{words} without {lacks[0].make_metavar(click.Context(command))}"
        if takes and not rest and after and "@" not in after:
            yield f"acgs{words} {after!r}"


@pytest.mark.parametrize("package", PACKAGES)
def test_messages_name_commands_that_there_are_and_versions_as_they_take_them(
    package: str,
) -> None:
    for file in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(file.read_text("utf-8"))
        assert [bad for text in texts(tree) for bad in wrong(text)] == [], file


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ('f"acgs promote {name} VERSION"', [f"acgs promote {VALUE!r}"]),
        ('"acgs version show NAME VERSION"', ["acgs version show 'NAME'"]),
        ('f"run acgs promot {name}"', ["acgs promot"]),
        ('f"acgs promote {spelled(name, number)}"', []),
        ('"acgs version yank takes a reason"', []),
        ('f"acgs request show {number}"', []),
        ('"acgs lineage impact"', ["acgs lineage impact without ORIGIN"]),
        ('"acgs lineage impact says what was made from it"', []),
    ],
)
def test_an_old_form_is_seen(code: str, seen: list[str]) -> None:
    assert [bad for text in texts(ast.parse(code)) for bad in wrong(text)] == seen
