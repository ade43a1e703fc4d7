"""Defines `acgs access`: who may do what."""

from __future__ import annotations

from pathlib import Path

import click

from infra.clock import moment
from infra.console import operations, views
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import RefusedError
from registry.access.domain.verbs import ASKABLE, MEANINGS, OF_ROLES

_file = click.argument("path", type=click.Path(dir_okay=False, exists=True, path_type=Path))


class NotAllowedError(RefusedError):
    """`acgs access explain` was asked about what the roles in force do not allow."""

    code = "access.not_allowed"


@click.group(short_help="Say who may do what")
def access() -> None:
    """Roles by name pattern and stage, in one document."""


@access.command("show", short_help="Show the roles in force")
@as_json
def show(as_json: bool) -> None:
    """Show the roles in force, and who put them there."""
    found = views.read("registry", "access")
    if found["digest"] is None:
        emit(found, as_json, [found["meaning"]])
        return
    lines = [f"{found['digest']}, in force since {found['since']} by {found['actor']}"]
    for grant in found["grants"]:
        stages = f" for {', '.join(grant['stages'])}" if grant["stages"] else ""
        to, names = ", ".join(grant["to"]), ", ".join(grant["names"])
        lines.append(f"{grant['role']:<20} {names:<16} {to}{stages}")
        lines.append(f"{'':<20} may {', '.join(grant['may'])}")
    emit(found, as_json, lines)


@access.command("verbs", short_help="List what a role may allow")
@as_json
def verbs(as_json: bool) -> None:
    """List what a role may allow."""
    rows = [{"verb": verb.value, "meaning": MEANINGS[verb]} for verb in OF_ROLES]
    emit(rows, as_json, [f"{row['verb']:<20} {row['meaning']}" for row in rows])


@access.command("template", short_help="Print a document to begin with")
def template() -> None:
    """Print a document of roles to begin with: the five that approve, and those around them."""
    import registry.access

    click.echo(Path(registry.access.__file__).with_name("access.yaml").read_text("utf-8"), nl=False)


@access.command("check", short_help="Check a document, change nothing")
@_file
@as_json
def check(path: Path, as_json: bool) -> None:
    """Check the document of roles in PATH; change nothing."""
    from registry.access.document import parse

    found = parse(_read(path), str(path))
    emit({"valid": True, "grants": len(found.grants)}, as_json, [f"valid: {path}"])


@access.command("adopt", short_help="Put a document of roles in force")
@_file
@dry_run
@click.option(
    "--recover",
    metavar="REASON",
    default="",
    help="Go round the roles in force, on the database itself; the audit trail keeps why.",
)
def adopt(path: Path, dry_run: bool, recover: str) -> None:
    """Put the document of roles in PATH in force.

    Takes the permission change-access; the first document is put in force on the machine of the
    server, as is one that --recover puts in force because nobody can do it otherwise.
    """
    document = _read(path)
    if recover or views.read("registry", "access")["needs_machine"]:
        digest = _adopt_here(document, recover, dry_run)
    else:
        digest = operations.carry_out(
            "registry", "adopt_access", document=document, dry_run=dry_run or None
        )["digest"]
    click.echo(f"{'would put' if dry_run else 'put'} {digest} in force")


def _adopt_here(document: object, recover: str, dry_run: bool) -> str:
    from infra.clock import to_millis, utc_now
    from infra.configuration import load_settings
    from infra.console.actor import cli_caller
    from registry.access.document import parse
    from registry.bootstrap import open_registry
    from registry.domain.records import Act

    parse(document, "the document")
    registry, caller = open_registry(load_settings()), cli_caller()
    return registry.access.adopt(
        document if isinstance(document, dict) else {},
        caller.principal,
        Act(caller.actor, to_millis(utc_now())),
        recovering=recover or "the first roles",
        dry_run=dry_run,
    )


@access.command("explain", short_help="Say whether somebody may do something")
@click.argument("who", metavar="WHO")
@click.argument("verb", type=click.Choice([verb.value for verb in OF_ROLES]), metavar="VERB")
@click.argument("name", required=False)
@click.option("--stage", type=click.Choice([stage.value for stage in ASKABLE]), help="Asked for.")
@click.option("--group", "groups", multiple=True, help="A group that WHO is in; may be repeated.")
@as_json
def explain(
    who: str, verb: str, name: str | None, stage: str | None, groups: tuple[str, ...], as_json: bool
) -> None:
    """Say whether WHO may do VERB to the model NAME; exit 1 if not.

    WHO is person:NAME or service:NAME. Their groups are known to the source of their names alone:
    give those that count with --group.
    """
    found = views.read(
        "registry",
        "access_explain",
        who=who,
        verb=verb,
        name=name,
        stage=stage,
        groups="\n".join(groups) or None,
    )
    if found["allowed"]:
        emit(found, as_json, [found["why"]])
        return
    if as_json:
        emit(found, True, ())
    raise NotAllowedError(found["why"], hint=found["fix"])


@access.command("history", short_help="Show every document that was in force")
@as_json
def history(as_json: bool) -> None:
    """Show every document of roles that was put in force, newest first."""
    found = views.read("registry", "access_history")
    lines = [f"{moment(row['since_ms'])} {row['digest']} by {row['actor']}" for row in found]
    emit(found, as_json, lines or ["no roles were ever in force"])


def _read(path: Path) -> object:
    from infra import strict_yaml
    from registry.access.errors import AccessInvalidError

    return strict_yaml.read(path, AccessInvalidError)
