"""Declares the component's own tables. Times are milliseconds since the epoch, UTC."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

_RowId = BigInteger().with_variant(Integer(), "sqlite")

# One signed in-toto statement per version, as a DSSE envelope.
statement = Table(
    "acgs_statement",
    metadata,
    Column("version_uid", String(36), primary_key=True),
    Column("manifest_digest", String(80), nullable=False),
    Column("key_id", String(64), nullable=False),
    Column("envelope", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# What the last check of a version's files found.
check = Table(
    "acgs_artifact_check",
    metadata,
    Column("version_uid", String(36), primary_key=True),
    Column("checked_ms", BigInteger, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("changes", JSON, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Index("acgs_artifact_check_age", "checked_ms"),
)

# One walk over many versions; it goes on where it stopped.
scrub_pass = Table(
    "acgs_scrub_pass",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("scope", String(512), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
)

# Content in a replica, by its digest; each replica has rows of its own.
# encoding: identity | zstd.  verified_ms: 0 since it was found lost or changed there.
blob = Table(
    "acgs_blob",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("encoding", String(16), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("verified_ms", BigInteger, nullable=False),
)

# Manifests of which every file is in the replica.
replicated = Table(
    "acgs_replicated",
    metadata,
    Column("replica", String(64), primary_key=True),
    Column("manifest_digest", String(80), primary_key=True),
    Column("completed_ms", BigInteger, nullable=False),
)

# Tombstones: written, with their proof, before the files are deleted; done_ms once they are.
freed = Table(
    "acgs_freed",
    metadata,
    Column("version_uid", String(36), primary_key=True),
    Column("manifest_digest", String(80), nullable=False),
    Column("storage_uri", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("proof", JSON, nullable=False),
    Column("decided_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger),
)

# state: held | unsupported.
object_lock = Table(
    "acgs_object_lock",
    metadata,
    Column("version_uid", String(36), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# Which process does which work, until when.
lease = Table(
    "acgs_artifact_lease",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("until_ms", BigInteger, nullable=False),
)
