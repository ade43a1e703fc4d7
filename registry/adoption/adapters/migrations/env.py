"""Alembic entry point of adoption's schema."""

from infra.stores.migration_env import run
from registry.adoption.adapters.tables import metadata

run(metadata)
