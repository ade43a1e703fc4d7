"""Groups of commands, each of which is imported only when it is used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from infra.component import BrokenComponentError, CommandEntry, Section


def load(entry: CommandEntry) -> click.Command:
    """Import a command.

    Raises:
        BrokenComponentError: it cannot be imported, or is no command.
    """
    module, _, attribute = entry.target.partition(":")
    try:
        command = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as err:
        raise _broken(entry, str(err)) from err
    if not isinstance(command, click.Command):
        raise _broken(entry, f"expected a click command, found {type(command).__name__}")
    return command


def _broken(entry: CommandEntry, found: str) -> BrokenComponentError:
    return BrokenComponentError(
        f"command {entry.name!r} ({entry.target}) cannot be loaded: {found}",
        hint="reinstall the platform (in a clone: make setup)",
    )


class LazyGroup(click.Group):
    """A group whose help lists its commands by name and summary, without importing them.

    Args:
        entries: commands of the group, beside those that are added to it the usual way.
    """

    def __init__(self, *args: Any, entries: Sequence[CommandEntry] = (), **extra: Any) -> None:
        super().__init__(*args, **extra)
        self._entries = entries

    def entries(self) -> dict[str, CommandEntry]:
        """Return the commands that are not imported yet, by name."""
        return {entry.name: entry for entry in self._entries}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, sorted."""
        return sorted({*super().list_commands(ctx), *self.entries()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command of that name; None if there is none."""
        entry = self.entries().get(cmd_name)
        return load(entry) if entry else super().get_command(ctx, cmd_name)

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002
        formatter: click.HelpFormatter,
    ) -> None:
        """Write one line per command, below the heading of its section."""
        listed = list(self._listed())
        width = max((len(entry.name) for entry in listed), default=0)
        for section in Section:
            rows = [(e.name.ljust(width), e.summary) for e in listed if e.section is section]
            if rows:
                with formatter.section(section.value):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands or options that begin with this text, without importing any."""
        # Not Group's, which would import each command to ask it for its help.
        options = click.Command.shell_complete(self, ctx, incomplete)
        begun = (entry for entry in self._listed() if entry.name.startswith(incomplete))
        return [CompletionItem(entry.name, help=entry.summary) for entry in begun] + options

    def _listed(self) -> Iterator[CommandEntry]:
        """Return the commands that are not hidden, by name, without importing any."""
        found = self.entries()
        for name, command in self.commands.items():
            if not command.hidden:
                found[name] = CommandEntry(name, command.get_short_help_str(limit=999), "")
        yield from (found[name] for name in sorted(found))
