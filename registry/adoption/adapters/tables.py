"""Declares adoption's table: one row with the back-fill's progress and the lease's owner.

Which versions still wait is never stored: they are those without a record. Times are
milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table

metadata = MetaData()

adoption = Table(
    "acgs_adoption",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("holder", String(200)),
    Column("held_until_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger),
    Column("finished_ms", BigInteger),
    Column("recorded", BigInteger, nullable=False, default=0),
    Column("unreadable", BigInteger, nullable=False, default=0),
    Column("waiting", BigInteger, nullable=False, default=0),
)
