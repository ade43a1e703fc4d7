"""Alembic entry point of adoption's schema."""

from infra.migration_env import run
from registry.adoption.adapters.tables import metadata

run(metadata)
