"""Defines `acgs audit verify|prove|check|export|public-key`: a record that proves itself.

With a folder and keys nothing else is needed: no settings, no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.clock import moment
from infra.console.options import as_json
from infra.console.output import emit
from infra.errors import UsageError
from registry.commands.shared import MAX_ID

if TYPE_CHECKING:
    from registry.audit.merkle.domain.comparison import Compared
    from registry.audit.merkle.domain.entry import StoredEvent
    from registry.audit.merkle.domain.note import VerifierKey
    from registry.audit.merkle.verification import Report, Verified

_SHOWN = 5
_folder = click.argument(
    "folder",
    required=False,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_public_keys = click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="KEY",
    help="Trust this key of the log: a file, or its line NAME+ID+KEY. Repeat it after a rotation.",
)
_witness_keys = click.option(
    "--witness-key",
    "witness_keys",
    multiple=True,
    metavar="KEY",
    help="Ask for a cosignature of this witness: a file, or its line NAME+ID+KEY.",
)


def _keys(given: Sequence[str]) -> list[VerifierKey]:
    """Return public keys, each given as a file or as its line."""
    from registry.audit.merkle.adapters.keys import read_key

    return [read_key(one) for one in given]


@click.command("verify", short_help="Prove that no event was changed")
@_folder
@_public_keys
@_witness_keys
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=_file,
    help="A checkpoint kept elsewhere, which the log must continue.",
)
@click.option(
    "--events",
    type=_file,
    help="Compare the events of a database too, as acgs audit export wrote them.",
)
@as_json
def audit_verify(
    folder: Path | None,
    public_keys: tuple[str, ...],
    witness_keys: tuple[str, ...],
    kept: tuple[Path, ...],
    events: Path | None,
    as_json: bool,
) -> None:
    """Prove that a log is what was signed; exit 1 and name the first event that is not.

    With FOLDER, a copy of a log, only files and keys are read: this works on any machine.
    Without it, this installation's log is verified, and its database compared with it.
    """
    from registry.audit.merkle.verification import Trust, verify

    if folder is None:
        if events is not None:
            raise UsageError("expected FOLDER beside --events, found none")
        _verify_installation(public_keys, witness_keys, kept, as_json)
        return
    if not public_keys:
        raise UsageError(
            "expected --public-key beside FOLDER, found none",
            hint="get the key from where the log is written: acgs audit public-key",
        )
    trust = Trust(_keys(public_keys), _keys(witness_keys), _texts(kept))
    with _progress("verifying") as report:
        verified = verify(folder, trust, report)
    compared = None if events is None else _compare(folder, verified, _imported(events))
    _emit(verified, compared, as_json)


def _verify_installation(
    public_keys: Sequence[str], witness_keys: Sequence[str], kept: Sequence[Path], as_json: bool
) -> None:
    from infra.configuration import load_settings
    from infra.stores.db import open_engine, reading
    from registry.audit.merkle.adapters import leaves
    from registry.audit.merkle.bootstrap import own_trust
    from registry.audit.merkle.errors import NotProvenError
    from registry.audit.merkle.settings import log_folder
    from registry.audit.merkle.verification import Trust, verify

    settings = load_settings()
    folder, own = log_folder(settings), own_trust(settings)
    trust = Trust(
        _keys(public_keys) or own.logs, _keys(witness_keys) or own.witnesses, _texts(kept)
    )
    with _progress("verifying") as report:
        verified = verify(folder, trust, report)
    engine = open_engine(settings.sqlalchemy_url)
    try:
        with reading(engine) as connection:
            size = leaves.remembered(connection).size
            if size > verified.signed.size:
                raise NotProvenError(
                    f"expected the checkpoint of size {size} that the database remembers, found "
                    f"one of size {verified.signed.size}: event {verified.signed.size} of the log "
                    "is the first that is missing",
                    hint="restore the log's folder from its mirror or a backup",
                )
            compared = _compare(folder, verified, leaves.every_event(connection))
    finally:
        engine.dispose()
    _emit(verified, compared, as_json)


def _compare(folder: Path, verified: Verified, events: Iterator[StoredEvent]) -> Compared:
    from registry.audit.merkle.domain.comparison import compare
    from registry.audit.merkle.verification import proven_entries

    size = verified.proven.size
    with _progress("comparing") as report:
        return compare(_counted(proven_entries(folder, size), size, report), events)


def _counted(entries: Iterator[bytes], size: int, report: Report) -> Iterator[bytes]:
    for number, entry in enumerate(entries):
        if number % 10_000 == 0:
            report(number, size)
        yield entry


def _texts(files: Sequence[Path]) -> list[tuple[str, str]]:
    return [(str(file), file.read_text()) for file in files]


def _imported(file: Path) -> Iterator[StoredEvent]:
    from registry.audit.merkle.domain.comparison import imported

    with file.open() as lines:
        for number, line in enumerate(lines, 1):
            yield imported(line, f"{file}, line {number}")


def _emit(verified: Verified, compared: Compared | None, as_json: bool) -> None:
    seconds = verified.cosigned_seconds
    view: dict[str, Any] = {
        "origin": verified.proven.origin,
        "size": verified.proven.size,
        "root": verified.proven.root.hex(),
        "signed_size": verified.signed.size,
        "cosigned_at": None if seconds is None else moment(seconds * 1000),
        "continues": list(verified.kept),
        "unproven": verified.unproven,
        "compared": None if compared is None else compared.same,
        "unlogged": None if compared is None else list(compared.unlogged),
    }
    lines = [f"{view['origin']}: {verified.proven.size:,} events are those that were signed"]
    lines.append(f"root             {view['root']}")
    if seconds is not None:
        lines.append(f"cosigned         {view['cosigned_at']}")
    lines += [f"continues        the checkpoint of {size:,} events" for size in verified.kept]
    if compared is not None:
        lines.append(f"database         the same {compared.same:,} events")
    if compared is not None and compared.unlogged:
        first = ", ".join(map(str, compared.unlogged[:_SHOWN]))
        lines.append(f"not logged yet   {len(compared.unlogged):,}, the first: {first}")
    if verified.unproven:
        lines.append(f"not proven yet   {verified.unproven:,} entries after the checkpoint")
    emit(view, as_json, lines)


@contextmanager
def _progress(what: str) -> Iterator[Report]:
    """Show progress on stderr, in a terminal only."""
    import sys

    from rich.console import Console
    from rich.progress import Progress

    shown = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    with shown as bar:
        task = bar.add_task(what, total=None)

        def report(done: int, of: int) -> None:
            bar.update(task, completed=done, total=of)

        yield report


@click.command("prove", short_help="Write a proof that an event is in the log")
@click.argument("event_id", type=click.IntRange(1, MAX_ID))
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A copy of a log; default: this installation's.",
)
@_public_keys
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file."
)
def audit_prove(
    event_id: int, folder: Path | None, public_keys: tuple[str, ...], output: Path | None
) -> None:
    """Write a proof that the log has an event: one file, which `acgs audit check` reads."""
    from registry.audit.merkle.proving import prove_event

    keys = _keys(public_keys)
    if folder is None or not keys:
        own_folder, own_keys = _own()
        folder, keys = folder or own_folder, keys or own_keys
    proof = str(prove_event(folder, event_id, keys))
    if output is None:
        click.echo(proof, nl=False)
    else:
        output.write_text(proof)


def _own() -> tuple[Path, list[VerifierKey]]:
    from infra.configuration import load_settings
    from registry.audit.merkle.bootstrap import own_trust
    from registry.audit.merkle.settings import log_folder

    settings = load_settings()
    return log_folder(settings), list(own_trust(settings).logs)


@click.command("check", short_help="Check a proof, and show its event")
@click.argument("proof", type=_file)
@_public_keys
@_witness_keys
@as_json
def audit_check(
    proof: Path, public_keys: tuple[str, ...], witness_keys: tuple[str, ...], as_json: bool
) -> None:
    """Check a proof that `acgs audit prove` wrote, by keys alone; show the event it is about."""
    import json

    from registry.audit.merkle.domain.entry import read_entry
    from registry.audit.merkle.domain.proof_file import ProofFile

    if not public_keys:
        raise UsageError(
            "expected --public-key, found none",
            hint="get the key from where the log is written: acgs audit public-key",
        )
    found = ProofFile.parse(_text(proof))
    checkpoint, seconds = found.require(_keys(public_keys), _keys(witness_keys))
    event = read_entry(found.entry)
    view = {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "cosigned_at": None if seconds is None else moment(seconds * 1000),
        "event": event,
    }
    lines = [f"number {found.index} of the {checkpoint.size:,} events of {checkpoint.origin}"]
    if seconds is not None:
        lines.append(f"cosigned {view['cosigned_at']}")
    lines.append(json.dumps(event, indent=2, ensure_ascii=False))
    emit(view, as_json, lines)


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except UnicodeDecodeError as err:
        raise UsageError(f"{file}: expected a text, found something else") from err


@click.command("export", short_help="Write the database's events to a file")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def audit_export(file: Path) -> None:
    """Write every event of the database to FILE, one a line, for `acgs audit verify --events`."""
    from infra.configuration import load_settings
    from infra.stores.db import open_engine, reading
    from registry.audit.merkle.adapters import leaves
    from registry.audit.merkle.domain.comparison import exported

    engine = open_engine(load_settings().sqlalchemy_url)
    try:
        with reading(engine) as connection, file.open("w") as lines:
            for event in leaves.every_event(connection):
                lines.write(f"{exported(event)}\n")
    finally:
        engine.dispose()


@click.command("public-key", short_help="Print the key that verifies the log")
@click.option("--witness", is_flag=True, help="The key of this installation's witness.")
def audit_public_key(witness: bool) -> None:
    """Print the log's public key, one line, for whoever verifies it elsewhere."""
    from infra.configuration import load_settings
    from registry.audit.merkle.adapters.keys import own_key
    from registry.audit.merkle.domain.note import KeyKind

    kind = KeyKind.WITNESS if witness else KeyKind.LOG
    click.echo(str(own_key(load_settings(), kind).public))
