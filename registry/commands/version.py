"""Defines `acgs version`: lists, shows and compares versions, and records their owners' advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from infra.component import CommandEntry
from infra.console import operations, views
from infra.console.lazy import LazyGroup
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.identity.os_user import os_user
from registry.domain.values import Standing
from registry.errors import GateClosedError
from registry.versions.arguments import version as version_argument
from registry.versions.naming import NamedVersion

if TYPE_CHECKING:
    from infra.settings import Settings
    from registry.bootstrap import Registry
    from registry.domain.records import VersionRecord

_reason = click.option("--reason", required=True, help="Why, in one line that everybody can read.")


def open_registry(settings: Settings | None = None) -> Registry:
    """Open the registry only when used: SQLAlchemy adds half a second to `acgs --help`."""
    from infra.configuration import load_settings
    from registry.bootstrap import open_registry as opened

    return opened(settings or load_settings())


_MORE = (
    CommandEntry(
        "check",
        "Look for duplicates, gaps and moved tags",
        "registry.commands.version_check:version_check",
    ),
    CommandEntry(
        "resolve",
        "Repair what check finds, step by step",
        "registry.commands.version_check:version_resolve",
    ),
    CommandEntry(
        "compare",
        "Say which version is higher, and what breaks",
        "registry.commands.version_diff:version_compare",
    ),
    CommandEntry(
        "diff",
        "Show what differs between two versions",
        "registry.commands.version_diff:version_diff",
    ),
    CommandEntry(
        "bom",
        "Print a version's bill of materials",
        "registry.commands.version_diff:version_bom",
    ),
)


@click.group(cls=LazyGroup, entries=_MORE, short_help="Show, compare, advise against and release")
def version() -> None:
    """Versions of a model: their numbers, what changed between them, whether to use them."""


@version.command("list", short_help="List a model's versions, newest first")
@click.argument("name")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="At most so many.",
)
@click.option(
    "--before", type=click.IntRange(1), help="Only MLflow numbers below this one: the next page."
)
@as_json
def version_list(name: str, limit: int, before: int | None, as_json: bool) -> None:
    """List versions of NAME, newest first."""
    found = views.read("registry", "versions", name=name, limit=limit, before=before)
    emit(found, as_json, [_line(view) for view in found] or ["no versions"])
    if len(found) == limit:
        click.echo(f"more: --before {found[-1]['version']}", err=True)


@version.command("show", short_help="Show one version")
@version_argument
@as_json
def version_show(version: NamedVersion, as_json: bool) -> None:
    """Show one version.

    VERSION is 1.2.0, 1.x, latest, MLflow's number, an alias or a stage: credit@champion.
    """
    view = views.read("registry", "version", name=version.name, version=version.spec)
    emit(view, as_json, fact_lines(view))
    warn_of_standing(view)
    warn_unusable(view)


def fact_lines(view: Mapping[str, Any]) -> list[str]:
    """Return the known facts of a version, a line each, without its verdict."""
    known = {
        key: ", ".join(value) if isinstance(value, list) else value
        for key, value in view.items()
        if key != "verdict" and value not in (None, [])
    }
    return [f"{key:<16} {value}" for key, value in known.items()]


def warn_of_standing(view: Mapping[str, Any]) -> None:
    """Warn on stderr that a version, as its view says, is deprecated or yanked."""
    if view["standing"] != Standing.ACTIVE:
        _warn(view, f"is {view['standing']}: {view['standing_reason']}")


def warn_unusable(view: Mapping[str, Any]) -> None:
    """Warn on stderr that a version is quarantined or that its files were freed."""
    if view["unusable"]:
        since = view["unusable_at"]
        _warn(view, f"is {view['unusable']} since {since}: {view['unusable_reason']}")


def _warn(view: Mapping[str, Any], what: str) -> None:
    ref = f"{view['name']} {view['semver']} (version {view['version']})"
    click.echo(f"warning: {ref} {what}", err=True)


def warn_of(record: VersionRecord) -> None:
    """Warn on stderr that a version is deprecated or yanked."""
    if record.standing is not Standing.ACTIVE:
        click.echo(
            f"warning: {record.ref} is {record.standing}: {record.standing_reason}", err=True
        )


def _line(view: Mapping[str, Any]) -> str:
    aliases = " ".join(f"@{alias}" for alias in view["aliases"])
    standing = "" if view["standing"] == Standing.ACTIVE else view["standing"]
    last = " ".join(word for word in (standing, view["unusable"], aliases) if word)
    return (
        f"{view['semver']:<14} #{view['version']:<5} {view['stage'] or 'deleted':<11} "
        f"{view['bump']:<8} {last}"
    ).rstrip()


@version.command("deprecate", short_help="Advise against a version")
@version_argument
@_reason
@dry_run
def version_deprecate(version: NamedVersion, reason: str, dry_run: bool) -> None:
    """Advise against a version; it still resolves and can be promoted, with a warning."""
    _change(version, reason, Standing.DEPRECATED, dry_run)


@version.command("yank", short_help="Withdraw a version from every use")
@version_argument
@_reason
@dry_run
def version_yank(version: NamedVersion, reason: str, dry_run: bool) -> None:
    """Withdraw a version: refused for every stage and alias; its exact number still resolves."""
    _change(version, reason, Standing.YANKED, dry_run)


@version.command("restore", short_help="Undo a deprecation or yank")
@version_argument
@_reason
@dry_run
def version_restore(version: NamedVersion, reason: str, dry_run: bool) -> None:
    """Undo a deprecation or yank. The version does not return to its stage; promote it again."""
    _change(version, reason, Standing.ACTIVE, dry_run)


def _change(version: NamedVersion, reason: str, to: Standing, dry_run: bool) -> None:
    found = operations.carry_out(
        "registry",
        _CHANGES[to],
        name=version.name,
        version=version.spec,
        reason=reason,
        dry_run=dry_run or None,
    )
    ref = f"{found['name']} {found['semver']} (version {found['version']})"
    if dry_run:
        click.echo(f"{ref} is {found['standing']}, would be {to}: {reason.strip()}")
        return
    click.echo(f"{ref} is {to}")


_CHANGES = {
    Standing.DEPRECATED: "deprecate",
    Standing.YANKED: "yank",
    Standing.ACTIVE: "restore",
}


@version.command("release", short_help="Register a pre-release as a release")
@version_argument
@dry_run
def version_release(version: NamedVersion, dry_run: bool) -> None:
    """Register the files of a pre-release as a release; repeating this registers nothing more."""
    from infra.configuration import load_settings

    settings = load_settings()
    registry = open_registry(settings)
    record = registry.versions.find_version(version.name, version.spec)
    warn_of(record)
    if record.prerelease is None:
        raise GateClosedError(f"expected a pre-release, found {record.ref}", [])
    released = registry.versions.released_as(record)
    if released is not None:
        click.echo(f"{record.ref} was released as {released.ref}", err=True)
        return
    if dry_run:
        click.echo(f"would register the files of {record.ref} as a release")
        return
    number = _register_again(settings, record)
    click.echo(f"{registry.versions.find_version(record.name, str(number)).ref}")


def _register_again(settings: Settings, record: VersionRecord) -> int:
    """Register over REST as any client does, so that every rule of registration applies."""
    from registry.sdk.transport import Transport
    from registry.settings import tracking_url
    from registry.versions.domain.wishes import BUMP_TAG, PRERELEASE_TAG

    tags = [{"key": PRERELEASE_TAG, "value": "none"}, {"key": BUMP_TAG, "value": "none"}]
    body = {"name": record.name, "source": record.source, "run_id": record.run_id, "tags": tags}
    if record.model_id:
        body["model_id"] = record.model_id
    server = Transport(tracking_url(settings), os_user())
    return int(server.post("model-versions/create", body)["model_version"]["version"])
