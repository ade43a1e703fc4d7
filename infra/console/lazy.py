"""Groups of commands that are imported one by one, when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from infra.component import BrokenComponentError, CommandEntry


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
        hint="reinstall the platform: make setup",
    )


class LazyGroup(click.Group):
    """A group whose help knows its commands by name and summary, and imports none of them.

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
        """Names of all commands, sorted."""
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
        """Write one line per command that is not hidden."""
        # Each stands in for its command, so that click shortens what help says to the line's width.
        told = [click.Command(entry.name, help=entry.summary) for entry in self.entries().values()]
        told += [command for command in self.commands.values() if not command.hidden]
        if told:
            room = formatter.width - 6 - max(len(str(command.name)) for command in told)
            rows = [(str(command.name), command.get_short_help_str(room)) for command in told]
            with formatter.section("Commands"):
                formatter.write_dl(sorted(rows))
