"""Alembic entry point of the schema for artifact keeping."""

from infra.stores.migration_env import run
from registry.artifacts.adapters.tables import metadata

run(metadata)
