"""Alembic entry point of compliance's schema."""

from compliance.adapters.tables import metadata
from infra.stores.migration_env import run

run(metadata)
