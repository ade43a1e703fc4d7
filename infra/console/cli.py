"""The `acgs` command: asks every component for its commands and turns errors into exit codes.

Results go to stdout, messages to stderr. Exit 0 done, 1 refused by a rule, 2 wrong usage,
3 infrastructure (a retry may help), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.console.actor import cli_caller
from infra.console.lazy import LazyGroup
from infra.errors import PlatformError, SettingsError, exit_code, storage_error
from infra.identity.current import acting
from infra.private import make_files_private
from infra.processes import running
from infra.setting_errors import expanded

if TYPE_CHECKING:
    from infra.component import CommandEntry

ROOT_VARIABLE = "MLOPS_STORAGE_ROOT"
UNEXPECTED = 3
INTERRUPTED = 130


class DuplicateCommandError(PlatformError):
    """Two components offer a command of the same name."""

    code = "infra.command_duplicate"


class ReaderGoneError(Exception):
    """The reader of the output has gone. Internal: no person sees this error."""


@contextmanager
def _noticing_a_gone_reader() -> Iterator[None]:
    # click would answer a broken pipe with exit code 1, which reads as "refused by a rule".
    try:
        yield
    except BrokenPipeError as err:
        raise ReaderGoneError from err


class ComponentGroup(LazyGroup):
    """A group whose commands are those of the installed components."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Read the arguments. `--help` prints here, so a broken pipe is handled here too."""
        with _noticing_a_gone_reader():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _noticing_a_gone_reader():
            return super().invoke(ctx)

    def entries(self) -> dict[str, CommandEntry]:
        """Return the commands of every component, by name.

        Raises:
            DuplicateCommandError: two components offer one name.
        """
        from infra.component import components

        owners: dict[str, str] = {}
        found: dict[str, CommandEntry] = {}
        for component in components():
            for entry in component.commands:
                if entry.name in owners:
                    raise DuplicateCommandError(
                        f"command {entry.name!r}: expected one component to offer it, found "
                        f"{owners[entry.name]!r} and {component.name!r}",
                        hint="rename one of the two commands",
                    )
                owners[entry.name] = component.name
                found[entry.name] = entry
        return found


@click.group(cls=ComponentGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--storage-root",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder that holds all state (else {ROOT_VARIABLE}, else ./.acgs).",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.version_option(package_name="acgs-mlops", prog_name="acgs")
@click.pass_context
def acgs(ctx: click.Context, storage_root: Path | None, debug: bool) -> None:
    """A governed model registry on MLflow, from registration to traffic."""
    del debug  # read from the arguments by `invoke`, which handles errors outside the context
    if storage_root is not None:
        # The environment is the one place that every command, thread and child process reads.
        os.environ[ROOT_VARIABLE] = str(storage_root.absolute())
    if ctx.invoked_subcommand not in ("up", "run"):
        # A server acts for its clients: the person who started it is none of them.
        ctx.with_resource(acting(cli_caller()))
    if ctx.invoked_subcommand not in ("up", "run", "prepare"):
        running.adopt_flags(_root_folder())


def _root_folder() -> Path:
    """Return the storage root.

    Raises:
        SettingsError: it is in a home folder that nobody knows.
    """
    return expanded(os.environ.get(ROOT_VARIABLE) or ".acgs").absolute()


def _place_of_logs() -> Path:
    """Return the storage root; the working folder where the root is unknown."""
    try:
        return _root_folder()
    except SettingsError:
        return Path.cwd()


def invoke(arguments: Sequence[str], command: click.Command = acgs, program: str = "acgs") -> int:
    """Run one command line and return its exit code; never raises."""
    try:
        result: Any = command.main(args=list(arguments), prog_name=program, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as err:
        err.show()
        # click's own 1 would read as "refused by a rule".
        return 2
    except PlatformError as err:
        report(err)
        return exit_code(err)
    except (BrokenPipeError, ReaderGoneError):
        # `| head` has enough; keep the interpreter from complaining when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception as err:
        known = storage_error(err, _place_of_logs()) if isinstance(err, OSError) else None
        if known is not None and "--debug" not in arguments:
            report(known)
            return exit_code(known)
        _report_unexpected(err, debug="--debug" in arguments)
        return UNEXPECTED
    return result if isinstance(result, int) and not isinstance(result, bool) else 0


def report(error: PlatformError) -> None:
    """Print on stderr what went wrong and what to do."""
    for line in error_lines(error):
        click.echo(line, err=True)


def error_lines(error: PlatformError) -> Iterator[str]:
    """Return the lines `error [code]: message` and, if there is a hint, `what to do: hint`."""
    yield f"error [{error.code}]: {error.message}"
    if error.hint:
        yield f"  what to do: {error.hint}"


def _report_unexpected(error: Exception, *, debug: bool) -> None:
    text = "".join(traceback.format_exception(error))
    if debug:
        click.echo(text, err=True, nl=False)
    where = "run again with --debug"
    log = _place_of_logs() / "logs" / "cli.log"
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with log.open("a") as file:
            file.write(text)
        where = f"the traceback is in {log}"
    except OSError:
        pass
    summary = str(error).strip().splitlines()
    click.echo(
        f"error [infra.unexpected]: {type(error).__name__}: {summary[0] if summary else ''}"
        f" ({where})",
        err=True,
    )


def main() -> None:
    """Run the `acgs` command; the console script calls this."""
    make_files_private()
    sys.exit(invoke(sys.argv[1:]))
