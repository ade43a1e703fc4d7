"""The command line as Markdown, from click's own objects."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import click

from infra.component import Section, components
from infra.console.cli import acgs


def walk() -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name, groups first, in alphabetical order."""
    yield from _walk("acgs", acgs)


def _walk(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _walk(f"{path} {name}", found)


def commands() -> str:
    """What commands are for, then one section per command: usage, what it does, options."""
    return "\n\n".join([_index(), *(_section(path, command) for path, command in walk())])


def _index() -> str:
    found = [entry for component in components() for entry in component.commands]
    rows = []
    for section in Section:
        names = sorted(entry.name for entry in found if entry.section is section)
        if names:
            links = ", ".join(f"[`{name}`](#acgs-{name})" for name in names)
            rows.append(f"| {section.value} | {links} |")
    return "\n".join(["| to | commands |", "|---|---|", *rows])


def _text(command: click.Command) -> str:
    """Return a command's help; what click is told not to wrap is code."""
    paragraphs = (command.help or "").strip().split("\n\n")
    return "\n\n".join(
        textwrap.indent(text.lstrip("\b\n"), "    ") if text.startswith("\b") else text
        for text in paragraphs
    )


def _section(path: str, command: click.Command) -> str:
    level = "##" if path.count(" ") <= 1 else "###"
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"{level} `{path}`", "", _text(command), "", f"    {usage}"]
    rows = [_option(option, context) for option in options(command)]
    if rows:
        lines += ["", "| option | meaning |", "|---|---|", *rows]
    return "\n".join(lines)


def options(command: click.Command) -> list[click.Option]:
    """A command's visible options, `--help` left out."""
    return [p for p in command.params if isinstance(p, click.Option) and not p.hidden]


def _option(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    spelling, text = record if record else ("", "")
    spelling, text = " ".join(spelling.split()), " ".join(text.split())
    # A vertical bar inside code would end the table's cell.
    return f"| `{spelling.replace('|', chr(92) + '|')}` | {text.replace('|', chr(92) + '|')} |"
