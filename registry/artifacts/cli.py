"""Defines `acgs artifact status|verify|statement|usage`: commands that read and prove."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.console import operations, views
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import UsageError
from registry.artifacts import cli_changes, cli_scrub
from registry.artifacts.cli_kit import opened, size, version_of
from registry.versions.arguments import version as version_argument
from registry.versions.arguments import version_if_any
from registry.versions.naming import NamedVersion

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from registry.artifacts.proofs import Proof


NAMED = 5
"""Versions that a line of `status` names."""
LINE_CHARACTERS = 160


@click.group(short_help="Prove, repair and free the files of versions")
def artifact() -> None:
    """The files of registered versions: proof, damage, repair, retention."""


@artifact.command("status", short_help="Say how well files are kept")
@version_if_any
@as_json
def status(version: NamedVersion | None, as_json: bool) -> None:
    """Show how well files are kept: all of them, or those of one version."""
    if version is None:
        view = views.read("artifacts", "status")
        short = {key: _first_few(value) for key, value in view.items()}
        lines = [f"{key.replace('_', ' '):<22} {_shown(value)}" for key, value in short.items()]
        emit(view, as_json, lines)
        return
    from registry.artifacts.views import version_status

    artifacts = opened()
    record = version_of(artifacts, version)
    view = version_status(artifacts.kit, artifacts.replication, artifacts.retention, record)
    emit(view, as_json, [f"{k.replace('_', ' '):<18} {_shown(v)}" for k, v in view.items()])


def _first_few(value: object) -> object:
    """Return a list's first items and the number of the others, each cut to a line."""
    if not isinstance(value, list):
        return value
    items = [textwrap.shorten(str(item), LINE_CHARACTERS) for item in value[:NAMED]]
    more = len(value) - len(items)
    return [*items, f"and {more} more (--json: all)"] if more else items


def _shown(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list():
            return "; ".join(map(_shown, value)) or "none"
        case dict():
            return ", ".join(f"{k} {_shown(v)}" for k, v in value.items())
        case _:
            return str(value)


@artifact.command("verify", short_help="Prove that files are those that were signed")
@version_if_any
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Verify this folder instead; needs --statement and --public-key, and no platform.",
)
@click.option(
    "--statement",
    "statement_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with what `acgs artifact statement` printed.",
)
@click.option(
    "--public-key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Trust this key (PEM) and no other.",
)
@as_json
def verify(
    version: NamedVersion | None,
    folder: Path | None,
    statement_file: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Prove that files are those that were signed; exit 1 and name each file that differs."""
    trusted = _read_key(key_file) if key_file else None
    if folder is not None:
        proof = _verify_folder(folder, statement_file, trusted)
    elif version is not None:
        artifacts = opened()
        proof = artifacts.statements.verify(version_of(artifacts, version), trusted)
    else:
        raise UsageError("expected NAME@VERSION or --folder, found neither")
    view = {
        "name": proof.predicate["name"],
        "semver": proof.predicate["semver"],
        "manifest_digest": proof.manifest_digest,
        "key_id": proof.key_id,
        "files": proof.files,
        "size_bytes": proof.size_bytes,
        "passed_over": list(proof.passed_over),
    }
    line = (
        f"{view['name']} {view['semver']}: {proof.files} files, {size(proof.size_bytes)}, are "
        f"those that {proof.key_id[:16]} signed ({proof.manifest_digest})"
    )
    added = [f"passed over {name}: MLflow adds it to a download" for name in proof.passed_over]
    emit(view, as_json, [line, *added])


def _verify_folder(
    folder: Path, statement_file: Path | None, trusted: dict[str, Ed25519PublicKey] | None
) -> Proof:
    from registry.artifacts.domain.statement import Envelope, MalformedStatementError
    from registry.artifacts.proofs import verify_folder

    if statement_file is None or trusted is None:
        raise UsageError(
            "expected --statement and --public-key beside --folder, found only one of them"
        )
    try:
        envelope = Envelope.read(json.loads(statement_file.read_text("utf-8")))
    except (ValueError, MalformedStatementError) as err:
        raise UsageError(
            f"{statement_file}: expected a signed statement (DSSE, JSON), found none: {err}",
            hint="write it where the version is: acgs artifact statement NAME@VERSION >FILE",
        ) from err
    return verify_folder(folder, envelope, trusted)


def _read_key(file: Path) -> dict[str, Ed25519PublicKey]:
    from registry.artifacts.adapters.keys import key_id, read_public
    from registry.artifacts.errors import SigningKeyError

    try:
        key = read_public(file.read_bytes(), str(file))
    except SigningKeyError as err:
        raise UsageError(
            err.message, hint="write it where the version is: acgs artifact public-key >FILE"
        ) from err
    return {key_id(key): key}


@artifact.command("statement", short_help="Print a version's signed statement")
@version_argument
def statement(version: NamedVersion) -> None:
    """Print the signed in-toto statement about a version (DSSE, JSON); sign it first if needed."""
    artifacts = opened()
    envelope = artifacts.statements.envelope(version_of(artifacts, version))
    click.echo(json.dumps(envelope.document(), indent=2))


@artifact.command("public-key", short_help="Print a key to verify statements with")
@click.option("--id", "identity", help="Id of an older key; default: the key in use.")
def public_key(identity: str | None) -> None:
    """Print a public key (PEM), with which anybody can verify statements elsewhere."""
    keys = opened().kit.keys
    trusted = keys.trusted()
    wanted = identity or keys.current()
    matching = [known for known in trusted if known.startswith(wanted)]
    if len(matching) != 1:
        raise UsageError(f"expected one of {', '.join(trusted)}, found {wanted}")
    click.echo(keys.public_pem(matching[0]), nl=False)


@artifact.command("rotate-key", short_help="Sign with a new key from now on")
@dry_run
def rotate_key(dry_run: bool) -> None:
    """Sign with a new key from now on; what older keys signed stays valid."""
    done = operations.carry_out("artifacts", "rotate_key", dry_run=dry_run or None)
    if dry_run:
        click.echo(f"would stop signing with {done['before']}")
        return
    click.echo(done["now"])
    click.echo(f"{done['before']} no longer signs; its public key stays trusted here", err=True)


@artifact.command("usage", short_help="Say how much space each model takes")
@click.argument("name", required=False)
@as_json
def usage(name: str | None, as_json: bool) -> None:
    """Show how much space each model takes."""
    found = views.read("artifacts", "usage", name=name)
    lines = [
        f"{'model':<32} {'versions':>8} {'logical':>10} {'stored':>10} {'distinct':>10} "
        f"{'replica':>10}"
    ]
    for used in found:
        replica = size(used["replica_bytes"]) if used["replica_bytes"] is not None else "-"
        damaged = f"  {used['damaged']} damaged" if used["damaged"] else ""
        lines.append(
            f"{used['name']:<32} {used['versions']:>8} {size(used['logical_bytes']):>10} "
            f"{size(used['stored_bytes']):>10} {size(used['unique_bytes']):>10} "
            f"{replica:>10}{damaged}"
        )
    emit(found, as_json, lines if found else ["no files yet"])


def _add(commands: Iterable[Any]) -> None:
    for command in commands:
        artifact.add_command(command)


_add(cli_scrub.COMMANDS)
_add(cli_changes.COMMANDS)
