"""Defines `acgs audit coverage`: how far the audit trail covers what the tables hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from infra.console.options import as_json
from infra.console.output import emit
from infra.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from registry.audit.covered import Covered
    from registry.audit.history import History

TARGET_PERCENT = 98.0
_SHOWN = 20


class CoverageError(RefusedError):
    """Too many operations have no event in the audit trail."""

    code = "audit.coverage_low"


class ContradictedError(RefusedError):
    """A stage, a verdict, a vote or a role is not as the events tell: it was written by SQL."""

    code = "audit.contradicted"


@click.command("coverage", short_help="Compare the trail with what tables hold")
@click.option(
    "--log",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Believe the events of this audit log, or copy of one, and not the database's.",
)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="KEY",
    help="Trust this key of the log: a file, or its line NAME+ID+KEY. Repeat it after a rotation.",
)
@as_json
def audit_coverage(folder: Path | None, public_keys: tuple[str, ...], as_json: bool) -> None:
    """Count what stands in the registry's tables, and what of it the audit trail tells.

    Each operation without an event is named. Exit 1 if 98 % or less have one, or if a stage, an
    alias, a verdict, a vote, a decision, a role or a token is not as the events tell. With --log
    the events are those that a log's checkpoint proves; a change of the last second may be missing.
    """
    from infra.configuration import load_settings
    from infra.stores.db import open_engine, reading
    from registry.audit.coverage import contradictions, coverage, total

    if (folder is None) is not (not public_keys):
        raise UsageError(
            "expected --log and --public-key together, found only one of them",
            hint="get the key from where the log is written: acgs audit public-key",
        )
    engine = open_engine(load_settings().sqlalchemy_url)
    try:
        with reading(engine) as connection:
            found = coverage(connection, _told(connection, folder, public_keys))
    finally:
        engine.dispose()
    view = [
        {
            "operation": one.operation,
            "source": one.source,
            "counted": one.counted,
            "audited": one.audited if one.counted is not None else None,
            "percent": one.percent,
            "decides": one.decides,
            "gaps": list(one.gaps),
        }
        for one in found
    ]
    counted, audited = total(found)
    emit(view, as_json, [*map(_line, found), *_gap_lines(found), _sum(counted, audited)])
    _refuse(contradictions(found), counted, audited)


def _told(connection: Connection, folder: Path | None, public_keys: Sequence[str]) -> History:
    from registry.audit.history import History, of_database, of_log
    from registry.audit.merkle.adapters.keys import read_key
    from registry.audit.merkle.verification import Trust, verify

    if folder is None:
        return History.of(of_database(connection))
    verified = verify(folder, Trust([read_key(one) for one in public_keys]))
    return History.of(of_log(folder, verified.proven.size))


def _refuse(wrong: Sequence[str], counted: int, audited: int) -> None:
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise ContradictedError(
            f"expected tables that say what the events tell, found {wrong[0]}{more}",
            hint="somebody wrote to the database by SQL, or restored a part of it: find out who, "
            "and undo it",
        )
    if counted and 100 * audited / counted <= TARGET_PERCENT:
        raise CoverageError(
            f"expected more than {TARGET_PERCENT:g} % of operations in the audit trail, found "
            f"{audited} of {counted}",
            hint="each gap is a row that was written by SQL, or by code that forgot its event",
        )


def _line(one: Covered) -> str:
    if one.counted is None:
        return f"{one.operation:<42} {one.source}"
    share = "-" if one.percent is None else f"{one.percent:.1f} %"
    return f"{one.operation:<42} {one.audited:>7} of {one.counted:<7} {share:>8}  {one.source}"


def _gap_lines(found: list[Covered]) -> list[str]:
    # Those that decide first: they must not be hidden behind many others.
    ordered = sorted(found, key=lambda one: not one.decides)
    gaps = [f"  no event: {gap}" for one in ordered for gap in one.gaps]
    more = [f"  and {len(gaps) - _SHOWN} more: --json"] if len(gaps) > _SHOWN else []
    return gaps[:_SHOWN] + more


def _sum(counted: int, audited: int) -> str:
    share = f", {100 * audited / counted:.2f} %" if counted else ""
    return f"{'all':<42} {audited:>7} of {counted}{share}"
