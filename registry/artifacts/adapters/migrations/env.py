"""Runs the migrations of artifact keeping for Alembic."""

from infra.stores.migration_env import run
from registry.artifacts.adapters.tables import metadata

run(metadata)
