"""Create the tables of the git tags."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_state()
    op.create_table(
        "acgs_git_event",
        sa.Column("event_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    _create_page()
    op.create_table(
        "acgs_git_artifact",
        sa.Column("artifact", sa.String(length=255), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("last_seconds", sa.BigInteger(), nullable=False),
        sa.Column("deprecated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("artifact"),
    )
    _create_tag()
    _create_finding()


def _create_state() -> None:
    state = op.create_table(
        "acgs_git_state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("local_attempts", sa.Integer(), nullable=False),
        sa.Column("local_next_ms", sa.BigInteger(), nullable=False),
        sa.Column("local_error_code", sa.String(length=64), nullable=True),
        sa.Column("local_error", sa.Text(), nullable=True),
        sa.Column("push_attempts", sa.Integer(), nullable=False),
        sa.Column("push_next_ms", sa.BigInteger(), nullable=False),
        sa.Column("push_error_code", sa.String(length=64), nullable=True),
        sa.Column("push_error", sa.Text(), nullable=True),
        sa.Column("pushed_ms", sa.BigInteger(), nullable=True),
        sa.Column("checked_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.bulk_insert(
        state,
        [
            {
                "id": 1,
                "revision": 0,
                "cursor": 0,
                "repository": "",
                "remote": "",
                "local_attempts": 0,
                "local_next_ms": 0,
                "push_attempts": 0,
                "push_next_ms": 0,
            }
        ],
    )


def _create_page() -> None:
    op.create_table(
        "acgs_git_page",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("semver", sa.String(length=128), nullable=False),
        sa.Column("artifact", sa.String(length=255), nullable=False),
        sa.Column("code_commit", sa.String(length=64), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("created_seconds", sa.BigInteger(), nullable=False),
        sa.Column("commit_id", sa.String(length=64), nullable=True),
        sa.Column("commit_content", sa.Text(), nullable=True),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("stages", sa.String(length=256), nullable=False),
        sa.Column("last_seconds", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_acgs_git_page_uid", "acgs_git_page", ["uid"])
    op.create_index("acgs_git_page_name", "acgs_git_page", ["name", "number"])
    op.create_index("acgs_git_page_artifact", "acgs_git_page", ["artifact"])


def _create_tag() -> None:
    op.create_table(
        "acgs_git_tag",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("artifact", sa.String(length=255), nullable=False),
        sa.Column("page_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("tagged_seconds", sa.BigInteger(), nullable=False),
        sa.Column("tagger", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("local_ms", sa.BigInteger(), nullable=True),
        sa.Column("pushed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_index("ix_acgs_git_tag_artifact", "acgs_git_tag", ["artifact"])
    op.create_index("ix_acgs_git_tag_page_id", "acgs_git_tag", ["page_id"])
    op.create_index("acgs_git_tag_state", "acgs_git_tag", ["state", "id"])


def _create_finding() -> None:
    op.create_table(
        "acgs_git_finding",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("place", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("expected", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("resolved_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "acgs_git_finding_open",
        "acgs_git_finding",
        ["kind", "place", "subject"],
        unique=True,
        sqlite_where=sa.text("resolved_ms IS NULL"),
        postgresql_where=sa.text("resolved_ms IS NULL"),
    )


def downgrade() -> None:
    for name in ("finding", "tag", "artifact", "page", "event", "state"):
        op.drop_table(f"acgs_git_{name}")
