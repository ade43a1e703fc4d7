"""Let a version be a pre-release, be deprecated or yanked, and be found by precedence.

Going down forgets who deprecated or yanked what: `acgs_event` still says so.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BATCH_ROWS = 1000
_SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?")

_version = sa.table(
    "acgs_version",
    sa.column("uid", sa.String),
    sa.column("semver", sa.String),
    sa.column("signature", sa.JSON(none_as_null=True)),
    sa.column("major", sa.Integer),
    sa.column("minor", sa.Integer),
    sa.column("patch", sa.Integer),
    sa.column("prerelease", sa.String),
    sa.column("signature_origin", sa.String),
)


def upgrade() -> None:
    for column in _added():
        op.add_column("acgs_version", column)
    _fill()
    op.create_index("acgs_version_precedence", "acgs_version", ["name", "major", "minor", "patch"])
    op.create_index("acgs_version_registered", "acgs_version", ["name", "created_ms", "version"])


def downgrade() -> None:
    op.drop_index("acgs_version_registered", table_name="acgs_version")
    op.drop_index("acgs_version_precedence", table_name="acgs_version")
    for column in reversed(_added()):
        op.drop_column("acgs_version", column.name)


def _fill() -> None:
    connection = op.get_bind()
    known = connection.execute(sa.select(_version.c.uid, _version.c.semver)).all()
    rows = []
    for uid, semver in known:
        found = _SEMVER.match(semver)
        if found is not None:
            major, minor, patch, prerelease = found.groups()
            rows.append(
                {
                    "key": uid,
                    "major": int(major),
                    "minor": int(minor),
                    "patch": int(patch),
                    "prerelease": prerelease,
                }
            )
    statement = (
        sa.update(_version)
        .where(_version.c.uid == sa.bindparam("key"))
        .values(
            major=sa.bindparam("major"),
            minor=sa.bindparam("minor"),
            patch=sa.bindparam("patch"),
            prerelease=sa.bindparam("prerelease"),
        )
    )
    for start in range(0, len(rows), _BATCH_ROWS):
        connection.execute(statement, rows[start : start + _BATCH_ROWS])
    # JSON's null is stored as text by SQLAlchemy, beside SQL's own.
    connection.execute(
        sa.update(_version)
        .where(sa.cast(_version.c.signature, sa.Text) != "null")
        .values(signature_origin="logged")
    )


def _added() -> list[sa.Column[object]]:
    return [
        sa.Column("major", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("minor", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("patch", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("prerelease", sa.String(length=64), nullable=True),
        sa.Column("requested", sa.String(length=128), nullable=True),
        sa.Column("signature_origin", sa.String(length=16), nullable=True),
        sa.Column("standing", sa.String(length=16), nullable=False, server_default="active"),
        sa.Column("standing_reason", sa.Text(), nullable=True),
        sa.Column("standing_actor", sa.String(length=256), nullable=True),
        sa.Column("standing_ms", sa.BigInteger(), nullable=True),
    ]
