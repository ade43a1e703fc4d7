"""Compliance's own tables: the scoring queue, and the memory of verdicts.

Times are milliseconds since the epoch, UTC.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

# SQLite numbers rows by itself only for INTEGER primary keys.
_RowId = BigInteger().with_variant(Integer(), "sqlite")

# phase: score | report.  A row is deleted once its report is uploaded.
job = Table(
    "acgs_scoring_job",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("request_id", BigInteger, nullable=False),
    Column("delivery_id", String(64), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("owner", String(200)),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
    Column("last_error", Text),
    Column("report_run_id", String(32)),
    Column("document", JSON),
    Column("created_ms", BigInteger, nullable=False),
    UniqueConstraint("request_id"),
)

# A scorecard under the digest of everything that went into it.
verdict = Table(
    "acgs_verdict",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)
