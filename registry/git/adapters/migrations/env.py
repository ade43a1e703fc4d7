"""Runs the git component's migrations for Alembic."""

from infra.stores.migration_env import run
from registry.git.adapters.tables import metadata

run(metadata)
