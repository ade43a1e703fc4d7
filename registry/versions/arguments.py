"""Parses NAME@VERSION as an argument of commands."""

from __future__ import annotations

import click

from registry.versions.naming import NamedVersion, read_name_or_version, read_version


class VersionType(click.ParamType[NamedVersion]):
    """Reads `NAME@VERSION` into a `NamedVersion`."""

    name = "NAME@VERSION"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> NamedVersion:
        """Return the named version.

        Raises:
            UsageError: a part is missing.
        """
        return value if isinstance(value, NamedVersion) else read_version(str(value))


class NameOrVersionType(click.ParamType[tuple[str, str | None]]):
    """Reads `NAME[@VERSION]` into a name and, where one is named, a version."""

    name = "NAME[@VERSION]"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> tuple[str, str | None]:
        """Return the name and, if there is one, the version.

        Raises:
            UsageError: a part is empty.
        """
        return read_name_or_version(str(value))


def _one_version(
    _ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]
) -> NamedVersion:
    if len(words) > 2:
        raise click.UsageError(f"expected NAME@VERSION, found {' '.join(words)}")
    return read_version("@".join(words))


VERSION = VersionType()
version_of_scripts = click.argument(
    "version", metavar=VERSION.name, nargs=-1, required=True, callback=_one_version
)
"""Takes `NAME VERSION` as well: judging is what scripts of before NAME@VERSION call."""
version = click.argument("version", metavar=VERSION.name, type=VERSION)
version_if_any = click.argument(
    "version", metavar=f"[{VERSION.name}]", type=VERSION, required=False
)
name_or_version = click.argument("named", metavar=NameOrVersionType.name, type=NameOrVersionType())
