"""Alembic entry point of the registry's schema."""

from infra.stores.migration_env import run
from registry.adapters.tables import metadata

run(metadata)
