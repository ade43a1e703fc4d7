"""The body of every component's Alembic `env.py`.

from infra.migration_env import run
from registry.adapters.tables import metadata

run(metadata)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

from infra.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy import MetaData


def run(metadata: MetaData) -> None:
    """Run the migrations on the connection that `infra.migrations` opened.

    The whole upgrade is one transaction, on SQLite too: half a schema is never left behind.

    Raises:
        UsageError: called by the `alembic` command rather than by `acgs prepare`.
    """
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise UsageError("these migrations run only through the platform", hint="run: acgs prepare")
    own = set(metadata.tables)
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=context.config.attributes["version_table"],
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
        # MLflow's tables live in the same database and are none of our business.
        include_name=lambda name, kind, _parents: kind != "table" or name in own,
    )
    with context.begin_transaction():
        context.run_migrations()
