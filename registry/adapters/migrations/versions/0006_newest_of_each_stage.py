"""Index MLflow's versions by stage, so that one look-up finds the newest of each stage.

The platform's only addition to a table of MLflow's: it changes no row, MLflow's migrations keep
it, and `acgs uninstall` drops it.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NAME = "acgs_model_versions_by_stage"


def upgrade() -> None:
    op.execute(
        f"CREATE INDEX IF NOT EXISTS {NAME} "
        "ON model_versions (workspace, name, current_stage, version)"
    )


def downgrade() -> None:
    op.execute(f"DROP INDEX IF EXISTS {NAME}")
