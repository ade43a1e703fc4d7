"""Compares roles, constitution, evidence and tokens with the events that put them in force."""

from __future__ import annotations

from sqlalchemy import Connection, select

from registry.adapters import tables
from registry.audit.covered import Covered
from registry.audit.history import History
from registry.domain.canonical import digest

_DOCUMENTS = {1: "constitution", 2: "evidence"}


def roles(connection: Connection, told: History) -> Covered:
    """Count documents of roles, of which the newest is in force."""
    rows = connection.execute(select(tables.access).order_by(tables.access.c.id)).all()
    gaps = []
    for number, row in enumerate(rows):
        known = told.roles[number] if number < len(told.roles) else None
        if row.digest != known or digest(row.document) != row.digest:
            gaps.append(f"roles {number + 1} by {row.actor}: {row.digest}, the events say {known}")
    lost = told.roles[len(rows) :]
    gaps += [f"roles {known}, put in force and gone" for known in lost]
    counted = len(rows) + len(lost)
    return Covered.of("roles put in force", "acgs_access", counted, gaps, decides=True)


def documents(connection: Connection, told: History) -> Covered:
    """Count the constitution and the evidence in force, where they are the last ones told of."""
    c = tables.constitution.c
    found = {row.id: row.digest for row in connection.execute(select(c.id, c.digest))}
    gaps = []
    for row, digest_there in found.items():
        name = _DOCUMENTS.get(row, str(row))
        known = told.in_force.get(name)
        if digest_there != known:
            gaps.append(f"{name} in force: {digest_there}, the events say {known}")
    operation = "constitution and evidence in force"
    return Covered.of(operation, "acgs_constitution", len(found), gaps, decides=True)


def tokens(connection: Connection, told: History) -> Covered:
    """Count service tokens that may do what they were made for, and no longer than told."""
    rows = connection.execute(select(tables.service_token)).all()
    gaps = []
    for row in rows:
        made = told.tokens.get(row.id, {})
        scope = ("name", "names", "stages", "verbs", "expires_ms")
        same = all(key in made and made[key] == getattr(row, key) for key in scope)
        if not same:
            gaps.append(f"token {row.id} of {row.name}: made otherwise, or never")
        elif row.id in told.revoked and row.revoked_ms is None:
            gaps.append(f"token {row.id} of {row.name}: revoked, and live again")
    return Covered.of("service tokens", "acgs_service_token", len(rows), gaps, decides=True)
