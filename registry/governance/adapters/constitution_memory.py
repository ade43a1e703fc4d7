"""Which constitution was in force last, kept where the decisions are kept.

The files of an installation's own constitution can go missing: a folder is removed, a volume is not
mounted, a second server starts with an empty root. The shipped constitution would then govern,
unseen. So the database remembers that this installation has one of its own, and whoever finds the
shipped one instead refuses to go on.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from infra.clock import to_millis, utc_now
from infra.errors import NotPreparedError
from infra.stores.db import reading, transaction
from registry.adapters.tables import constitution
from registry.audit.adapters import events
from registry.governance.adapters.governance_file import ConstitutionError

LOOKED_SECONDS = 5.0
"""How long one look at the database counts."""
SUBJECT = "constitution"
"""What the audit trail calls it."""
_ROW = 1
_C = constitution.c


@dataclass(frozen=True, slots=True)
class InForce:
    """A constitution: its digest, and whether it is the installation's own."""

    digest: str
    own: bool


_looked: dict[str, tuple[InForce, float]] = {}
_lock = threading.Lock()


def require(engine: Engine, found: InForce) -> None:
    """Refuse the shipped constitution where one of the installation's own was in force.

    Raises:
        ConstitutionError: that is so.
    """
    where = engine.url.render_as_string(hide_password=True)
    with _lock:
        known, at = _looked.get(where, (None, 0.0))
    if known == found and time.monotonic() - at < LOOKED_SECONDS:
        return
    try:
        remembered = recall(engine)
    except NotPreparedError:
        # Nothing was ever decided here.
        return
    if remembered is not None and remembered.own and not found.own:
        raise ConstitutionError(
            f"expected the constitution of this installation, {remembered.digest}, found none: "
            "the shipped one would govern instead",
            hint="restore <storage root>/constitution or ACGS_CONSTITUTION; to be governed by the "
            "shipped one on purpose: acgs constitution accept-shipped",
        )
    if remembered != found:
        remember(engine, found)
    with _lock:
        _looked[where] = (found, time.monotonic())


def recall(engine: Engine) -> InForce | None:
    """Return the constitution that was in force last; None before the first."""
    with reading(engine) as connection:
        row = connection.execute(select(constitution).where(_C.id == _ROW)).one_or_none()
    return InForce(row.digest, row.own) if row else None


def remember(engine: Engine, found: InForce, *, accepted_by: str | None = None) -> None:
    """Note which constitution is in force from now on.

    Args:
        engine: of the database.
        found: the constitution.
        accepted_by: who decided that it be the shipped one again.
    """
    at_ms = to_millis(utc_now())
    values = {"digest": found.digest, "own": found.own, "since_ms": at_ms}
    with transaction(engine) as connection:
        changed = connection.execute(
            update(constitution).where(_C.id == _ROW).values(**values)
        ).rowcount
        if not changed:
            try:
                with connection.begin_nested():
                    connection.execute(insert(constitution).values(id=_ROW, **values))
            except IntegrityError:
                # Another process was first; it found the same files.
                return
        events.record(
            connection,
            "constitution.changed",
            name=SUBJECT,
            actor=accepted_by or "acgs",
            at_ms=at_ms,
            data={"digest": found.digest, "own": found.own},
        )
