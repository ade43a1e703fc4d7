"""Runs adoption's migrations for Alembic."""

from infra.stores.migration_env import run
from registry.adoption.adapters.tables import metadata

run(metadata)
