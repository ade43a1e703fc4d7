"""Defines `acgs dossier` and `acgs verify`. Verifying needs a file and a key, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.clock import moment
from infra.console.options import as_json, dry_run
from infra.console.output import emit
from infra.errors import UsageError, storage_error
from registry.versions.arguments import version
from registry.versions.naming import NamedVersion

if TYPE_CHECKING:
    from registry.audit.merkle.domain.note import VerifierKey
    from registry.dossier.verification import Verified

LARGEST_BYTES = 256 * 1024 * 1024
_file = click.Path(dir_okay=False, path_type=Path)
_existing = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("dossier", short_help="Write what an examiner needs of a version")
@version
@click.option("--at", help="The moment to tell, such as 2026-03-03T12:00 (UTC). Without it: now.")
@click.option(
    "--output",
    type=_file,
    help="Write it to this file; one that ends in .json is JSON, any other a page.",
)
@dry_run
@as_json
def dossier(
    version: NamedVersion, at: str | None, output: Path | None, dry_run: bool, as_json: bool
) -> None:
    """Write one file that answers an examiner offline about a version at a moment.

    It tells what ran, its files' digests, where code and data come from, every control with its
    result, who decided, how it was rolled out, and what went wrong; from events that the audit log
    proves. `acgs verify` derives everything again. Gaps say "not recorded".

    VERSION is 1.2.0, a number, champion, challenger or a stage, as it was at that moment. With
    --json the dossier itself, as JSON, is printed. The running server signs it, and asks for the
    permission to read the model.
    """
    from infra.console.operations import carry_out

    made = carry_out(
        "dossier", "make", name=version.name, version=version.spec, at=at, dry_run=dry_run
    )
    signed = made.pop("dossier")
    if signed is None:
        emit(made, as_json, [f"would tell {_told(made)}"])
        return
    if as_json and output is None:
        click.echo(signed, nl=False)
        return
    file = output or Path(_file_name(made))
    _write(file, _formed(signed.encode(), file))
    emit({**made, "file": str(file)}, as_json, [f"{file}: {_told(made)}"])


def _told(made: dict[str, Any]) -> str:
    return f"{made['name']} {made['semver']} at {made['at']} (UTC), from {made['events']:,} events"


def _file_name(made: dict[str, Any]) -> str:
    parts = f"{made['name']}-{made['semver']}-{str(made['at'])[:19]}"
    return f"dossier-{re.sub('[^A-Za-z0-9._-]', '-', parts)}.html"


def _formed(envelope: bytes, file: Path) -> bytes:
    if file.suffix == ".json":
        return envelope
    from registry.dossier import page

    return page.of_envelope(envelope)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as err:
        if known := storage_error(err, file):
            raise known from err
        raise


@click.command("verify", short_help="Verify a dossier by a public key alone")
@click.argument("file", metavar="DOSSIER", type=_existing)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    required=True,
    metavar="KEY",
    help="Trust this key of the audit log: a file, or its line NAME+ID+KEY. Repeat it after a "
    "rotation.",
)
@click.option(
    "--witness-key",
    "witness_keys",
    multiple=True,
    metavar="KEY",
    help="Ask for a cosignature of this witness: a file, or its line NAME+ID+KEY.",
)
@click.option(
    "--log",
    "log_folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A copy of the whole audit log, to see that no event about the model is left out.",
)
@click.option("--html", type=_file, help="Also write the page for people to this file.")
@click.option("--content", type=_file, help="Also write what is signed, as JSON, to this file.")
@as_json
def verify(
    file: Path,
    public_keys: tuple[str, ...],
    witness_keys: tuple[str, ...],
    log_folder: Path | None,
    html: Path | None,
    content: Path | None,
    as_json: bool,
) -> None:
    """Derive everything again that a dossier says; exit 1 and name the first thing that is wrong.

    Reads the file and the keys, and nothing else: no settings, no database, no network. It then
    says which statements rest on trust, and in whom.
    """
    from registry.dossier import page
    from registry.dossier.verification import verify_dossier

    if file.stat().st_size > LARGEST_BYTES:
        raise UsageError(f"{file}: expected a dossier of at most {LARGEST_BYTES:,} bytes")
    verified = verify_dossier(
        file.read_bytes(), _keys(public_keys), _keys(witness_keys), log_folder
    )
    if html is not None:
        _write(html, page.render(verified.payload, verified.envelope))
    if content is not None:
        _write(content, verified.payload)
    view = _view(verified)
    emit(view, as_json, _lines(view))


def _keys(given: Sequence[str]) -> list[VerifierKey]:
    from registry.audit.merkle.adapters.keys import read_key

    return [read_key(one) for one in given]


def _view(verified: Verified) -> dict[str, Any]:
    from registry.dossier.domain.envelope import key_id

    seconds, told = verified.cosigned_seconds, verified.dossier
    sections = json.loads(verified.payload)["story"]["sections"]
    contents = {section["id"]: section["content"] for section in sections}
    decisions = contents["decisions"] if isinstance(contents["decisions"], list) else []
    doubts = [
        {"request": decision["request"], **finding}
        for decision in decisions
        for finding in decision["follows"]
        if finding["holds"] != "yes"
    ]
    return {
        "name": told.name,
        "semver": contents["model"]["version"],
        "version": contents["model"]["number"],
        "stage": contents["model"]["stage"],
        "at": moment(told.at_ms),
        "signed_by": key_id(verified.key),
        "events": len(told.entries),
        "log": verified.checkpoint.origin,
        "log_size": verified.checkpoint.size,
        "cosigned_at": None if seconds is None else moment(seconds * 1000),
        "complete": verified.is_complete,
        "does_not_follow": doubts,
        "trust": list(json.loads(verified.payload)["story"]["trust"]),
    }


def _lines(view: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{view['name']} {view['semver']}, in {view['stage']} at {view['at']} (UTC): "
        "the dossier says what its evidence proves"
    )
    yield f"signed by     {view['signed_by']}"
    yield f"events        {view['events']:,}, each in the log of {view['log_size']:,}"
    if view["cosigned_at"] is not None:
        yield f"cosigned      {view['cosigned_at']}"
    if view["complete"]:
        yield "complete      the log has no other event about the model"
    for doubt in view["does_not_follow"]:
        yield (
            f"request {doubt['request']}: {doubt['holds']}: {doubt['what']} ({doubt['because']})"
        )
    yield "what rests on trust"
    for one in view["trust"]:
        yield f"  {one['statement']}: {one['rests_on']}"
