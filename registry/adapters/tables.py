"""Declares the platform's own tables, which share a database with MLflow's.

MLflow's tags mirror some of this for people to see; they are never the truth. Records key on
`version_uid`, made at registration: deleting and re-creating a model starts MLflow's version
numbers again, so (name, version) names nothing for ever.
Times are milliseconds since the epoch, UTC, as in MLflow.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    info={
        "triggers": {
            "sqlite": (
                "acgs_event_no_update",
                "acgs_event_no_delete",
                "acgs_leaf_no_update",
                "acgs_leaf_no_delete",
            ),
            "postgresql": (
                "acgs_event_guard",
                "acgs_event_no_truncate",
                "acgs_leaf_guard",
                "acgs_leaf_no_truncate",
            ),
        }
    }
)

# SQLite numbers rows by itself only for INTEGER primary keys.
_RowId = BigInteger().with_variant(Integer(), "sqlite")

# Who a principal was when they acted; NULL where the platform did, or nobody asked by a request.
_Principal = JSON(none_as_null=True)

_Place = Text().with_variant(Text(collation="C"), "postgresql")

version = Table(
    "acgs_version",
    metadata,
    Column("uid", String(36), primary_key=True),
    Column("name", String(256), nullable=False, index=True),
    Column("version", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("semver", String(128), nullable=False),
    Column("bump", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("signature", JSON),
    Column("manifest_digest", String(80)),
    Column("source", Text, nullable=False),
    Column("storage_uri", Text),
    # One spelling of it (domain/storage_place.py); compared by code points in every locale.
    Column("storage_place", _Place),
    Column("run_id", String(32)),
    Column("model_id", String(64)),
    Column("git_commit", String(64)),
    Column("dataset_digest", String(128)),
    Column("deleted_ms", BigInteger),
    # Kept, not derived: names change and deleted versions keep the name they had.
    Column("predecessor_uid", String(36), index=True),
    Column("origin_uid", String(36), index=True),
    Index("acgs_version_run", "run_id"),
    Index("acgs_version_model", "model_id"),
    Index("acgs_version_commit", "git_commit"),
    Index("acgs_version_place", "storage_place"),
    # Parts of `semver`, so that the highest one is found by an index; `prerelease` is `rc.1`.
    Column("major", Integer, nullable=False, server_default="0"),
    Column("minor", Integer, nullable=False, server_default="0"),
    Column("patch", Integer, nullable=False, server_default="0"),
    Column("prerelease", String(64)),
    Column("requested", String(128)),
    # signature_origin: logged | inferred.  standing: active | deprecated | yanked.
    Column("signature_origin", String(16)),
    Column("standing", String(16), nullable=False, server_default="active"),
    Column("standing_reason", Text),
    Column("standing_actor", String(256)),
    Column("standing_ms", BigInteger),
    Index("acgs_version_registered", "name", "created_ms", "version"),
    Index("acgs_version_precedence", "name", "major", "minor", "patch"),
    Index(
        "acgs_version_semver_unique",
        "name",
        "semver",
        unique=True,
        sqlite_where=text("deleted_ms IS NULL"),
        postgresql_where=text("deleted_ms IS NULL"),
    ),
    Index(
        "acgs_version_number_unique",
        "name",
        "version",
        unique=True,
        sqlite_where=text("deleted_ms IS NULL"),
        postgresql_where=text("deleted_ms IS NULL"),
    ),
)

manifest = Table(
    "acgs_manifest",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# kind: transition | copy | rename.  state: open | granted | refused | cancelled.
request = Table(
    "acgs_transition_request",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("version_uid", String(36), nullable=False, index=True),
    Column("name", String(256), nullable=False),
    Column("version", Integer, nullable=False),
    Column("semver", String(128), nullable=False),
    Column("judged_as", String(256), nullable=False),
    Column("target", String(20), nullable=False),
    Column("alias", String(256), nullable=False, server_default=""),
    Column("from_stage", String(20), nullable=False),
    Column("archive_existing", Boolean, nullable=False),
    Column("manifest_digest", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("actor", String(256), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("decided_ms", BigInteger),
    Column("used_ms", BigInteger),
    Column("decision", JSON),
    Column("scorecard_id", BigInteger),
    Column("principal", _Principal),
    Column("reminded_ms", BigInteger),
    Index(
        "acgs_request_one_open",
        "version_uid",
        "kind",
        "judged_as",
        "target",
        "alias",
        unique=True,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index("acgs_request_state", "state"),
)

# Audit trail and outbox in one. Insert-only: the migration adds triggers that say so.
event = Table(
    "acgs_event",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("uid", String(36), nullable=False, unique=True),
    Column("type", String(64), nullable=False, index=True),
    Column("name", String(256), nullable=False, index=True),
    Column("version", Integer),
    Column("request_id", BigInteger),
    Column("actor", String(256), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("data", JSON, nullable=False),
    Column("principal", _Principal),
)

# Which event stands where in the audit log (registry/audit/merkle), from 0 without a gap.
leaf = Table(
    "acgs_leaf",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("event_id", BigInteger, nullable=False, unique=True),
    Column("hash", LargeBinary(32), nullable=False),
)

# One row, id 1: who numbers events, and the last checkpoint. `size` and `root` (hex) are what the
# database remembers of the signed files: neither side can go back without the other showing it.
log = Table(
    "acgs_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("owner", String(200)),
    Column("until_ms", BigInteger, nullable=False, server_default="0"),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("root", String(64), nullable=False, server_default=""),
    Column("signed_ms", BigInteger),
    Column("error", Text),
    Column("cosigned_size", BigInteger, nullable=False, server_default="0"),
    Column("cosigned_ms", BigInteger),
    Column("witness_error", Text),
    Column("mirrored_size", BigInteger, nullable=False, server_default="0"),
    Column("mirrored_ms", BigInteger),
    Column("mirror_error", Text),
)

webhook = Table(
    "acgs_webhook",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("name", String(128), nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("events", JSON, nullable=False),
    Column("sealed_secret", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    # What narrows the events (registry/audit/domain/interest.py); NULL for everything.
    Column("names", JSON(none_as_null=True)),
    Column("stages", JSON(none_as_null=True)),
    Column("outcomes", JSON(none_as_null=True)),
    # NULL for the format of MLflow's webhooks.
    Column("format", String(16)),
    # Whose permissions limit what is sent; NULL for the platform's own.
    Column("owner", _Principal),
    # The secret that takes over at `switch_ms`.
    Column("next_sealed_secret", Text),
    Column("switch_ms", BigInteger),
    # Since when events wait in acgs_event alone; up to which of them deliveries were made.
    Column("paused_ms", BigInteger),
    Column("resumed_ms", BigInteger),
    Column("caught_up_id", BigInteger),
)

# state: pending | delivered | dead | withheld.
delivery = Table(
    "acgs_delivery",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("event_id", BigInteger, nullable=False, index=True),
    Column("webhook_id", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_ms", BigInteger, nullable=False),
    Column("last_status", Integer),
    Column("last_error", Text),
    Column("delivered_ms", BigInteger),
    UniqueConstraint("event_id", "webhook_id"),
    Index("acgs_delivery_due", "state", "next_attempt_ms"),
)

# A verdict: the scorecard of one artifact under one constitution and one evidence binding.
scorecard = Table(
    "acgs_scorecard",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("request_id", BigInteger, index=True),
    Column("version_uid", String(36), nullable=False, index=True),
    Column("judged_as", String(256), nullable=False),
    Column("target", String(20), nullable=False),
    Column("manifest_digest", String(80), nullable=False),
    Column("constitution_digest", String(80), nullable=False),
    Column("evidence_digest", String(80), nullable=False),
    Column("enforcement", String(16), nullable=False),
    Column("score", Float, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("approvals_needed", Integer, nullable=False),
    Column("document", JSON, nullable=False),
    Column("report_run_id", String(32)),
    Column("created_ms", BigInteger, nullable=False),
)

# Votes.  person: of voter and lender, so that one vote of each stands.  shown: digests of what was
# approved.  ended: withdrawn | void | expired; NULL while the vote stands.
approval = Table(
    "acgs_approval",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("request_id", BigInteger, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("approved", Boolean, nullable=False),
    Column("comment", Text, nullable=False),
    Column("manifest_digest", String(80), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("principal", _Principal),
    Column("person", String(64), nullable=False),
    Column("delegation_id", BigInteger),
    Column("shown", JSON(none_as_null=True)),
    Column("screen", JSON(none_as_null=True)),
    Column("ended", String(16)),
    Column("ended_because", Text),
    Column("ended_ms", BigInteger),
    Column("reminded_ms", BigInteger),
    Index("acgs_approval_request", "request_id"),
    Index(
        "acgs_approval_one_standing",
        "request_id",
        "person",
        unique=True,
        sqlite_where=text("ended IS NULL"),
        postgresql_where=text("ended IS NULL"),
    ),
)

# What voters were shown: facts as canonical JSON, and pages.  digest: `sha256:<hex>` of the body.
screen = Table(
    "acgs_screen",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("kept_ms", BigInteger, nullable=False),
)

# Votes that people lend.  lender: a principal.  deputy_key: the name as it is compared.
delegation = Table(
    "acgs_delegation",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("lender", JSON, nullable=False),
    Column("deputy", String(256), nullable=False),
    Column("deputy_key", Text, nullable=False),
    Column("role", String(64), nullable=False),
    Column("names", JSON, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
)

endpoint = Table(
    "acgs_endpoint",
    metadata,
    Column("name", String(256), primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("plan", JSON, nullable=False),
    Column("stable_uid", String(36)),
    Column("stable_since_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
)

# phase: pending | progressing | paused | promoting | succeeded | rolling_back | rolled_back.
rollout = Table(
    "acgs_rollout",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("endpoint", String(256), nullable=False),
    Column("request_id", BigInteger),
    Column("candidate_uid", String(36), nullable=False),
    Column("stable_uid", String(36)),
    Column("candidate_from_stage", String(20), nullable=False),
    Column("plan", JSON, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("state", JSON, nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("finished_ms", BigInteger),
    Index("acgs_rollout_candidate", "candidate_uid"),
    Index("acgs_rollout_request", "request_id"),
    Index("acgs_rollout_endpoint", "endpoint"),
    Index(
        "acgs_rollout_one_active",
        "endpoint",
        unique=True,
        sqlite_where=text("finished_ms IS NULL"),
        postgresql_where=text("finished_ms IS NULL"),
    ),
)

measurement = Table(
    "acgs_measurement",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("rollout_id", BigInteger, nullable=False, index=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("data", JSON, nullable=False),
)

# Who held which place, from when to when: [from_ms, to_ms), open while to_ms is NULL.
# place: endpoint (its traffic) | stage | alias.  slot: "" | the stage | the alias.
tenure = Table(
    "acgs_tenure",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("place", String(16), nullable=False),
    Column("name", String(256), nullable=False),
    Column("slot", String(256), nullable=False),
    Column("version_uid", String(36), nullable=False, index=True),
    Column("share_percent", Integer, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("to_ms", BigInteger),
    Index("acgs_tenure_when", "name", "place", "slot", "from_ms"),
    Index(
        "acgs_tenure_one_open",
        "place",
        "name",
        "slot",
        "version_uid",
        unique=True,
        sqlite_where=text("to_ms IS NULL"),
        postgresql_where=text("to_ms IS NULL"),
    ),
)

# What must be neither promoted nor deployed.  kind: damaged | freed.
quarantine = Table(
    "acgs_quarantine",
    metadata,
    Column("version_uid", String(36), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("detail", Text, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)

# Legal holds: nothing of these versions may be deleted or freed.
hold = Table(
    "acgs_hold",
    metadata,
    Column("version_uid", String(36), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)

# Tokens of programs.  digest: SHA-256 of the whole text, which is kept nowhere.
service_token = Table(
    "acgs_service_token",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("name", String(256), nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    Column("names", JSON, nullable=False),
    Column("stages", JSON, nullable=False),
    Column("verbs", JSON, nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("revoked_by", String(256)),
    Column("last_used_ms", BigInteger),
)

# A row each: the constitution (1) and the evidence (2) in force.
# own: this installation's, not the shipped one.
constitution = Table(
    "acgs_constitution",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", String(80), nullable=False),
    Column("own", Boolean, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)

# Roles that are or were in force; the newest counts.
access = Table(
    "acgs_access",
    metadata,
    Column("id", _RowId, primary_key=True, autoincrement=True),
    Column("digest", String(80), nullable=False),
    Column("document", JSON, nullable=False),
    Column("actor", String(256), nullable=False),
    Column("since_ms", BigInteger, nullable=False),
)
