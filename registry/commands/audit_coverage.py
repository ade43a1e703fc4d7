"""Defines `acgs audit coverage`: how far the audit trail covers what the tables hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from infra.console.options import as_json
from infra.console.output import emit
from infra.errors import RefusedError

if TYPE_CHECKING:
    from registry.audit.coverage import Covered

TARGET_PERCENT = 98.0
_SHOWN = 20


class CoverageError(RefusedError):
    """Too many operations have no event in the audit trail."""

    code = "audit.coverage_low"


@click.command("coverage", short_help="Compare the trail with what tables hold")
@as_json
def audit_coverage(as_json: bool) -> None:
    """Count what stands in the registry's tables, and what of it the audit trail tells.

    Each operation without an event is named. Exit 1 if 98 % or less have one.
    """
    from infra.configuration import load_settings
    from infra.stores.db import open_engine
    from registry.audit.coverage import coverage, total

    engine = open_engine(load_settings().sqlalchemy_url)
    try:
        found = coverage(engine)
    finally:
        engine.dispose()
    view = [
        {
            "operation": one.operation,
            "source": one.source,
            "counted": one.counted,
            "audited": one.audited if one.counted is not None else None,
            "percent": one.percent,
            "gaps": list(one.gaps),
        }
        for one in found
    ]
    counted, audited = total(found)
    emit(view, as_json, [*map(_line, found), *_gap_lines(found), _sum(counted, audited)])
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
    gaps = [f"  no event: {gap}" for one in found for gap in one.gaps]
    more = [f"  and {len(gaps) - _SHOWN} more: --json"] if len(gaps) > _SHOWN else []
    return gaps[:_SHOWN] + more


def _sum(counted: int, audited: int) -> str:
    share = f", {100 * audited / counted:.2f} %" if counted else ""
    return f"{'all':<42} {audited:>7} of {counted}{share}"
