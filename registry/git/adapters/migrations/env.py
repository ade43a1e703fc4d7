"""Alembic entry point of the git component's schema."""

from infra.migration_env import run
from registry.git.adapters.tables import metadata

run(metadata)
