"""Locks a model or the whole registry, so that one transaction at a time changes it."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from registry.adapters import mlflow_tables as mlflow


def lock_model(connection: Connection, name: str) -> None:
    """Lock a model's places until the caller's transaction ends.

    Taken before anything is read that the change rests on: PostgreSQL's transactions do not see
    each other's moves, and two promotions would leave two versions in Production. On SQLite only
    one write transaction runs at a time anyway. Does nothing for a model that does not exist.
    """
    if connection.dialect.name == "sqlite":
        return
    m = mlflow.registered_models.c
    connection.execute(
        select(m.name)
        .where(m.workspace == mlflow.WORKSPACE, m.name == name)
        # Weaker than FOR UPDATE, which foreign keys of new versions would wait for.
        .with_for_update(key_share=True)
    )


def lock_registrations(connection: Connection) -> None:
    """Lock registration until the caller's transaction ends: no version is registered or held.

    Waits for registrations under way; what the caller reads next includes them. Locks MLflow's
    table first, the order in which registrations write. Call `lock_model` before this one, as
    every other caller does.
    """
    if connection.dialect.name == "sqlite":
        return
    connection.execute(text("LOCK TABLE model_versions, acgs_version, acgs_hold IN SHARE MODE"))
