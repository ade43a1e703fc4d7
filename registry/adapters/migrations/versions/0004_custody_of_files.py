"""Record where each version's files are, and what protects them or keeps them from being used.

Going down forgets legal holds and quarantines: `acgs_event` still says who ordered them.
"""

from __future__ import annotations

from urllib.parse import unquote, urlparse

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BATCH_ROWS = 1000
_PLACE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_version = sa.table(
    "acgs_version",
    sa.column("uid", sa.String),
    sa.column("source", sa.Text),
    sa.column("storage_uri", sa.Text),
    sa.column("storage_place", sa.Text),
)


def upgrade() -> None:
    op.add_column("acgs_version", sa.Column("storage_place", _PLACE, nullable=True))
    _fill()
    op.create_index("acgs_version_place", "acgs_version", ["storage_place"])
    op.create_table(
        "acgs_quarantine",
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_uid"),
    )
    op.create_table(
        "acgs_hold",
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_uid"),
    )


def downgrade() -> None:
    op.drop_table("acgs_hold")
    op.drop_table("acgs_quarantine")
    op.drop_index("acgs_version_place", table_name="acgs_version")
    op.drop_column("acgs_version", "storage_place")


def _fill() -> None:
    connection = op.get_bind()
    known = connection.execute(
        sa.select(_version.c.uid, _version.c.storage_uri, _version.c.source)
    ).all()
    statement = (
        sa.update(_version)
        .where(_version.c.uid == sa.bindparam("key"))
        .values(storage_place=sa.bindparam("place"))
    )
    for start in range(0, len(known), _BATCH_ROWS):
        connection.execute(
            statement,
            [
                {"key": row.uid, "place": _spelled(row.storage_uri or row.source)}
                for row in known[start : start + _BATCH_ROWS]
            ],
        )


def _spelled(uri: str) -> str:
    """Return the one spelling of a folder, by the rules of when this migration was written."""
    parsed = urlparse(uri)
    path = _decoded(parsed.path)
    if parsed.scheme == "mlflow-artifacts":
        return "proxy:" + _normal(path)
    if parsed.scheme in {"http", "https"} and "/mlflow-artifacts/artifacts/" in f"{path}/":
        return "proxy:" + _normal(f"{path}/".partition("/mlflow-artifacts/artifacts/")[2])
    if parsed.scheme in {"", "file"}:
        return f"file:/{_normal(path if parsed.scheme else _decoded(uri))}"
    return f"{parsed.scheme}://{parsed.netloc}/{_normal(path)}"


def _decoded(text: str) -> str:
    while (plain := unquote(text)) != text:
        text = plain
    return text


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)
