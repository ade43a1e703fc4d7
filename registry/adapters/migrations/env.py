"""Runs the registry's migrations for Alembic."""

from infra.stores.migration_env import run
from registry.adapters.tables import metadata

run(metadata)
