"""Defines `acgs git`: the tags that follow the registry in a git repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.configuration import load_settings
from infra.console import operations, views
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import RefusedError, ReportedError
from registry.git.settings import GitSettings

if TYPE_CHECKING:
    pass

_SHOWN = 20


class TamperedError(RefusedError):
    """The platform's tags were moved or deleted; only `--repair` overwrites what is there."""

    code = "git.tampered"


@click.group(short_help="Keep a git tag for each version and stage")
def git() -> None:
    """Tags for every version and every change of stage, in gto's grammar."""


@git.command("init", short_help="Choose or make the repository for the tags")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--remote", help="Name or URL of the remote to push to.")
@dry_run
def init(path: Path | None, remote: str | None, dry_run: bool) -> None:
    """Use the repository in PATH for the tags; makes a bare one if there is none."""
    from registry.git import repository_setup

    settings = load_settings()
    default = settings.of(GitSettings).repository or settings.storage_root / "models.git"
    chosen = (path or default).expanduser().absolute()
    there = repository_setup.exists(chosen)
    would = "would use" if there else "would make a bare"
    if not there:
        repository_setup.check_empty(chosen)
    if dry_run:
        click.echo(f"{would} repository {chosen}, and write it into {settings.storage_root}")
        return
    if not there:
        repository_setup.make(chosen)
    values = {"ACGS_GIT_REPOSITORY": str(chosen)}
    if remote:
        values["ACGS_GIT_REMOTE"] = remote
    file = repository_setup.save(settings.storage_root, values)
    click.echo(f"{'using' if there else 'made'} {chosen}; written into {file}")
    click.echo("a running platform uses it after a restart: acgs down, then acgs up", err=True)


@git.command("status", short_help="Say what waits and what was found")
@as_json
def status(as_json: bool) -> None:
    """Show how many tags there are, what waits, and what was found."""
    now = views.read("git", "status")
    emit(now, as_json, _status_lines(now))


def _status_lines(now: Mapping[str, Any]) -> list[str]:
    from infra.clock import moment

    if not now["repository"]:
        return ["not configured: ACGS_GIT_REPOSITORY is not set (acgs git init PATH)"]
    lines = [
        f"repository      {now['repository']}",
        f"remote          {now['remote'] or 'none'}",
        f"tags            {now['made']}",
        f"without a tag   {_versions(now['untagged'])}",
        f"events to read  {now['unread']}",
        f"to write        {now['waiting_local']}",
        f"to push         {now['waiting_push']}",
    ]
    if now["oldest_pending_seconds"] is not None:
        lines.append(f"oldest waits    {now['oldest_pending_seconds']:.1f} s")
    lines += [
        f"last push       {moment(now['pushed_ms']) or 'never'}",
        f"last check      {moment(now['checked_ms']) or 'never'}",
    ]
    errors = (now["local_error"], now["push_error"])
    lines += [f"error           {error}" for error in errors if error is not None]
    return lines + _finding_lines(now["findings"])


def _versions(count: int | None) -> str:
    if count is None:
        return "unknown: the constitution cannot be read, acgs constitution check"
    return f"{count} version{'' if count == 1 else 's'}"


def _finding_lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"{one['kind']} ({one['place']}) {one['subject']}: expected {one['expected']}, "
        f"found {one['found']}. Fix: {one['hint']}"
        for one in found[:_SHOWN]
    ]
    if len(found) > _SHOWN:
        lines.append(f"... and {len(found) - _SHOWN} more (--json shows all)")
    return lines


@git.command("sync", short_help="Bring the tags in step with the registry")
@click.option(
    "--repair", is_flag=True, help="Restore the platform's tags that were moved or deleted."
)
@dry_run
@as_json
def sync(repair: bool, dry_run: bool, as_json: bool) -> None:
    """Bring the repository and the remote up to date with the registry, now.

    Exit 1 when the platform's tags were moved or deleted and are not repaired, 3 when the
    repository or the remote fails; what could not be done waits and is tried again.
    """
    done = operations.carry_out("git", "sync", repair=repair or None, dry_run=dry_run or None)
    if dry_run:
        line = (
            f"would follow {done['events']} events, write {done['to_write']} tags and push "
            f"{done['to_push']}; without a tag: {_versions(done['untagged'])}"
        )
        emit(done, as_json, [line, *_finding_lines(done["found"])])
        return
    emit(done["synced"], as_json, _synced_lines(done["synced"]))
    if done["failed"] is not None:
        raise ReportedError(**done["failed"])
    if done["tampered"]:
        first = done["tampered"][0]
        raise TamperedError(
            f"{len(done['tampered'])} tags are not what they were, the first: {first['subject']} "
            f"({first['place']})",
            hint="find out who did it; then: acgs git sync --repair",
        )


def _synced_lines(done: Mapping[str, Any]) -> list[str]:
    line = f"followed {done['events']} events, made {done['made']} tags, pushed {done['pushed']}"
    standing = [one for one in done["found"] if one["subject"] not in done["repaired"]]
    return [line, *(f"repaired {name}" for name in done["repaired"]), *_finding_lines(standing)]


@git.command("show", short_help="Show which version stands in which stage")
@click.argument("name", required=False)
@as_json
def show(name: str | None, as_json: bool) -> None:
    """Show which version is in which stage, according to the repository's tags."""
    from registry.git import tag_reader

    found = tag_reader.shown(tag_reader.entries(_repository(), name))
    view = [
        {
            "name": one.model,
            "version": one.version,
            "stages": list(one.stages),
            "commit": one.commit,
            "tag": one.tag,
        }
        for one in found
    ]
    lines = [
        f"{one.model:<24} {one.version:<12} {', '.join(one.stages) or '-':<20} {one.commit[:12]}"
        for one in found
    ]
    emit(view, as_json, lines or ["no versions"])


@git.command("log", short_help="Show what the tags say, newest first")
@click.argument("name", required=False)
@click.option(
    "--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most this many."
)
@as_json
def log(name: str | None, limit: int, as_json: bool) -> None:
    """Show what the repository's tags say, newest first."""
    from infra.clock import moment
    from registry.git import tag_reader

    found = tag_reader.entries(_repository(), name)[::-1][:limit]
    view = [
        {
            "at": moment(one.seconds * 1000),
            "name": one.model,
            "action": one.parsed.action.value,
            "stage": one.parsed.stage or None,
            "tag": one.name,
            "commit": one.commit,
            "tagger": one.tagger,
            "subject": one.subject,
        }
        for one in found
    ]
    lines = [f"{row['at']} {row['tag']:<32} {row['tagger']:<20} {row['subject']}" for row in view]
    emit(view, as_json, lines or ["no tags"])


def _repository() -> Any:
    from registry.git.adapters.repository import Repository
    from registry.git.service import NotConfiguredError

    chosen = load_settings().of(GitSettings).repository
    if chosen is None:
        raise NotConfiguredError(
            "expected a repository in ACGS_GIT_REPOSITORY, found none", hint="acgs git init PATH"
        )
    return Repository(chosen.expanduser().absolute())
