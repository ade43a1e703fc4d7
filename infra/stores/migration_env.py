"""The body of every component's Alembic `env.py`.

from infra.stores.migration_env import run
from registry.adapters.tables import metadata

run(metadata)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic import context

from infra.errors import UsageError

if TYPE_CHECKING:
    from alembic.migration import MigrationContext
    from sqlalchemy import MetaData


def run(metadata: MetaData) -> None:
    """Run the migrations on the connection that `infra.stores.migrations` opened, or compare only.

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
        # MLflow's tables live in the same database; another history owns them.
        include_name=lambda name, kind, _parents: kind != "table" or name in own,
    )
    found = context.config.attributes.get("differences")
    if found is not None:
        found += differences(context.get_context(), metadata)
        return
    with context.begin_transaction():
        context.run_migrations()


def differences(migration: MigrationContext, metadata: MetaData) -> list[str]:
    """Return how a component's tables differ from what the code expects.

    Triggers are compared by name, with those that `metadata.info["triggers"]` lists per dialect:
    SQLAlchemy's metadata does not know them.
    """
    from alembic.autogenerate import compare_metadata
    from sqlalchemy import inspect, text

    connection = migration.connection
    assert connection is not None
    lines = [line for item in compare_metadata(migration, metadata) for line in _described(item)]
    dialect = connection.dialect.name
    catalogue = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgenabled <> 'D'",
    }
    wanted = metadata.info.get("triggers", {}).get(dialect, ())
    if wanted and inspect(connection).get_table_names():
        present = set(connection.scalars(text(catalogue[dialect])))
        lines += [f"trigger {name} is missing" for name in wanted if name not in present]
    return lines


def _described(item: Any) -> list[str]:
    # compare_metadata gives tuples, and lists of tuples for what changed inside one column.
    if isinstance(item, list):
        return [line for inner in item for line in _described(inner)]
    verb, *rest = item
    match verb:
        case "add_table":
            return [f"table {rest[0].name} is missing"]
        case "add_column":
            return [f"column {rest[1]}.{rest[2].name} is missing"]
        case "remove_column":
            return [f"column {rest[1]}.{rest[2].name} is unknown"]
        case "modify_type":
            return [f"column {rest[1]}.{rest[2]} is {rest[4]}, expected {rest[5]}"]
        case "modify_nullable":
            kind = ("NOT NULL", "nullable")
            return [f"column {rest[1]}.{rest[2]} is {kind[bool(rest[4])]}, expected "
                    f"{kind[bool(rest[5])]}"]  # fmt: skip
        case _:
            part, _, what = verb.partition("_")
            state = "missing" if part == "add" else "unknown"
            name = getattr(rest[0], "name", None) or getattr(rest[0], "table", "")
            return [f"{what} {name} is {state}"]
