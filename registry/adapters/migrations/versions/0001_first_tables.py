"""Create the registry's tables, and make the audit trail insert-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_GUARD = """
CREATE TRIGGER acgs_event_no_{lower} BEFORE {verb} ON acgs_event
BEGIN SELECT RAISE(ABORT, 'acgs_event is insert-only'); END
"""
_POSTGRES_FUNCTION = """
CREATE FUNCTION acgs_event_guard() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'acgs_event is insert-only'; END $$
"""
_POSTGRES_GUARD = """
CREATE TRIGGER acgs_event_guard BEFORE UPDATE OR DELETE ON acgs_event
FOR EACH ROW EXECUTE FUNCTION acgs_event_guard()
"""


def upgrade() -> None:
    op.create_table(
        "acgs_approval",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("manifest_digest", sa.String(length=80), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("request_id", "actor"),
    )
    op.create_table(
        "acgs_delivery",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("delivered_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "webhook_id"),
    )
    op.create_index(
        "acgs_delivery_due", "acgs_delivery", ["state", "next_attempt_ms"], unique=False
    )
    op.create_index(op.f("ix_acgs_delivery_event_id"), "acgs_delivery", ["event_id"], unique=False)
    op.create_table(
        "acgs_endpoint",
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("namespace", sa.String(length=63), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("stable_uid", sa.String(length=36), nullable=True),
        sa.Column("stable_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "acgs_event",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
    )
    op.create_index(op.f("ix_acgs_event_name"), "acgs_event", ["name"], unique=False)
    op.create_index(op.f("ix_acgs_event_type"), "acgs_event", ["type"], unique=False)
    op.create_table(
        "acgs_manifest",
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "acgs_measurement",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("rollout_id", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_acgs_measurement_rollout_id"), "acgs_measurement", ["rollout_id"], unique=False
    )
    op.create_table(
        "acgs_rollout",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("endpoint", sa.String(length=256), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("candidate_uid", sa.String(length=36), nullable=False),
        sa.Column("stable_uid", sa.String(length=36), nullable=True),
        sa.Column("candidate_from_stage", sa.String(length=20), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("finished_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "acgs_rollout_one_active",
        "acgs_rollout",
        ["endpoint"],
        unique=True,
        sqlite_where=sa.text("finished_ms IS NULL"),
        postgresql_where=sa.text("finished_ms IS NULL"),
    )
    op.create_table(
        "acgs_scorecard",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("request_id", sa.BigInteger(), nullable=True),
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("judged_as", sa.String(length=256), nullable=False),
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("manifest_digest", sa.String(length=80), nullable=False),
        sa.Column("constitution_digest", sa.String(length=80), nullable=False),
        sa.Column("evidence_digest", sa.String(length=80), nullable=False),
        sa.Column("enforcement", sa.String(length=16), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("report_run_id", sa.String(length=32), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        op.f("ix_acgs_scorecard_request_id"), "acgs_scorecard", ["request_id"], unique=False
    )
    op.create_index(
        op.f("ix_acgs_scorecard_version_uid"), "acgs_scorecard", ["version_uid"], unique=False
    )
    op.create_table(
        "acgs_transition_request",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("version_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("semver", sa.String(length=128), nullable=False),
        sa.Column("judged_as", sa.String(length=256), nullable=False),
        sa.Column("target", sa.String(length=20), nullable=False),
        sa.Column("alias", sa.String(length=256), server_default="", nullable=False),
        sa.Column("from_stage", sa.String(length=20), nullable=False),
        sa.Column("archive_existing", sa.Boolean(), nullable=False),
        sa.Column("manifest_digest", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("decided_ms", sa.BigInteger(), nullable=True),
        sa.Column("used_ms", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.JSON(), nullable=True),
        sa.Column("scorecard_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "acgs_request_one_open",
        "acgs_transition_request",
        ["version_uid", "kind", "judged_as", "target", "alias"],
        unique=True,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("acgs_request_state", "acgs_transition_request", ["state"], unique=False)
    op.create_index(
        op.f("ix_acgs_transition_request_version_uid"),
        "acgs_transition_request",
        ["version_uid"],
        unique=False,
    )
    op.create_table(
        "acgs_version",
        sa.Column("uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("semver", sa.String(length=128), nullable=False),
        sa.Column("bump", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("signature", sa.JSON(), nullable=True),
        sa.Column("manifest_digest", sa.String(length=80), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("storage_uri", sa.Text(), nullable=True),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("model_id", sa.String(length=64), nullable=True),
        sa.Column("git_commit", sa.String(length=64), nullable=True),
        sa.Column("dataset_digest", sa.String(length=128), nullable=True),
        sa.Column("deleted_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index(
        "acgs_version_number_unique",
        "acgs_version",
        ["name", "version"],
        unique=True,
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.create_index(
        "acgs_version_semver_unique",
        "acgs_version",
        ["name", "semver"],
        unique=True,
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.create_index(op.f("ix_acgs_version_name"), "acgs_version", ["name"], unique=False)
    op.create_table(
        "acgs_webhook",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    _guard()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER acgs_event_guard ON acgs_event")
        op.execute("DROP FUNCTION acgs_event_guard()")
    op.drop_table("acgs_webhook")
    op.drop_index(op.f("ix_acgs_version_name"), table_name="acgs_version")
    op.drop_index(
        "acgs_version_semver_unique",
        table_name="acgs_version",
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.drop_index(
        "acgs_version_number_unique",
        table_name="acgs_version",
        sqlite_where=sa.text("deleted_ms IS NULL"),
        postgresql_where=sa.text("deleted_ms IS NULL"),
    )
    op.drop_table("acgs_version")
    op.drop_index(
        op.f("ix_acgs_transition_request_version_uid"), table_name="acgs_transition_request"
    )
    op.drop_index("acgs_request_state", table_name="acgs_transition_request")
    op.drop_index(
        "acgs_request_one_open",
        table_name="acgs_transition_request",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_table("acgs_transition_request")
    op.drop_index(op.f("ix_acgs_scorecard_version_uid"), table_name="acgs_scorecard")
    op.drop_index(op.f("ix_acgs_scorecard_request_id"), table_name="acgs_scorecard")
    op.drop_table("acgs_scorecard")
    op.drop_index(
        "acgs_rollout_one_active",
        table_name="acgs_rollout",
        sqlite_where=sa.text("finished_ms IS NULL"),
        postgresql_where=sa.text("finished_ms IS NULL"),
    )
    op.drop_table("acgs_rollout")
    op.drop_index(op.f("ix_acgs_measurement_rollout_id"), table_name="acgs_measurement")
    op.drop_table("acgs_measurement")
    op.drop_table("acgs_manifest")
    op.drop_index(op.f("ix_acgs_event_type"), table_name="acgs_event")
    op.drop_index(op.f("ix_acgs_event_name"), table_name="acgs_event")
    op.drop_table("acgs_event")
    op.drop_table("acgs_endpoint")
    op.drop_index(op.f("ix_acgs_delivery_event_id"), table_name="acgs_delivery")
    op.drop_index("acgs_delivery_due", table_name="acgs_delivery")
    op.drop_table("acgs_delivery")
    op.drop_table("acgs_approval")


def _guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_POSTGRES_FUNCTION)
        op.execute(_POSTGRES_GUARD)
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(_SQLITE_GUARD.format(verb=verb, lower=verb.lower()))
