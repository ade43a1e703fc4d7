"""Declares the component's own tables: planned tags, written tags, and findings.

The repository is a picture of these tables, so a lost or moved tag can be seen and made again,
to the very same object id. Times end in `_ms` (milliseconds since the epoch, UTC) or `_seconds`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

_RowId = BigInteger().with_variant(Integer(), "sqlite")

# One row, id 1: how far the audit trail was read, and how the last attempts went.
# repository, remote: those that the `local` and `pushed` of the tags are about.
state = Table(
    "acgs_git_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    Column("repository", Text, nullable=False),
    Column("remote", Text, nullable=False),
    Column("local_attempts", Integer, nullable=False),
    Column("local_next_ms", BigInteger, nullable=False),
    Column("local_error_code", String(64)),
    Column("local_error", Text),
    Column("push_attempts", Integer, nullable=False),
    Column("push_next_ms", BigInteger, nullable=False),
    Column("push_error_code", String(64)),
    Column("push_error", Text),
    Column("pushed_ms", BigInteger),
    Column("checked_ms", BigInteger),
)

# Events read lately. On PostgreSQL a smaller id may become visible after a larger one, so the
# cursor stays behind, and what was handled beyond it stands here.
event = Table(
    "acgs_git_event",
    metadata,
    Column("event_id", BigInteger, primary_key=True, autoincrement=False),
    Column("outcome", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
)

# What the tags of a version say together, one page for each name and number that it ever had:
# git's view follows the events, and may be behind a renaming.
page = Table(
    "acgs_git_page",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("uid", String(36), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("number", Integer, nullable=False),
    Column("semver", String(128), nullable=False),
    Column("artifact", String(255), nullable=False),
    Column("code_commit", String(64)),
    Column("subject", Text, nullable=False),
    Column("created_seconds", BigInteger, nullable=False),
    Column("commit_id", String(64)),
    Column("commit_content", Text),
    Column("registered", Boolean, nullable=False),
    Column("stages", String(256), nullable=False),
    Column("last_seconds", BigInteger, nullable=False),
    Index("acgs_git_page_name", "name", "number"),
    Index("acgs_git_page_artifact", "artifact"),
)

artifact = Table(
    "acgs_git_artifact",
    metadata,
    Column("artifact", String(255), primary_key=True),
    Column("counter", BigInteger, nullable=False),
    Column("last_seconds", BigInteger, nullable=False),
    Column("deprecated", Boolean, nullable=False),
)

# state: planned | local | pushed.
tag = Table(
    "acgs_git_tag",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("artifact", String(255), nullable=False, index=True),
    Column("page_id", BigInteger, nullable=False, index=True),
    Column("event_id", BigInteger),
    Column("action", String(16), nullable=False),
    Column("stage", String(32), nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("tagged_seconds", BigInteger, nullable=False),
    Column("tagger", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("object_id", String(64)),
    Column("content", Text),
    Column("state", String(16), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("local_ms", BigInteger),
    Column("pushed_ms", BigInteger),
    Index("acgs_git_tag_state", "state", "id"),
)

# place: registry | local | remote.
finding = Table(
    "acgs_git_finding",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("place", String(16), nullable=False),
    Column("subject", String(300), nullable=False),
    Column("expected", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    Column("resolved_ms", BigInteger),
    Index(
        "acgs_git_finding_open",
        "kind",
        "place",
        "subject",
        unique=True,
        sqlite_where=text("resolved_ms IS NULL"),
        postgresql_where=text("resolved_ms IS NULL"),
    ),
)
