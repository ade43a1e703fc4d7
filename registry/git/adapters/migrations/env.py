"""Alembic entry point of the git component's schema."""

from infra.stores.migration_env import run
from registry.git.adapters.tables import metadata

run(metadata)
