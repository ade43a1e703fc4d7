"""One writer at a time for each model."""

from __future__ import annotations

from sqlalchemy import Connection, select, text

from registry.adapters import mlflow_tables as mlflow


def hold_model(connection: Connection, name: str) -> None:
    """Let no other transaction change this model's places until the caller's ends.

    Taken before anything is read that the change rests on: PostgreSQL's transactions do not see
    each other's moves, and two promotions would leave two versions in Production. On SQLite every
    write transaction is alone as it is. Does nothing for a model that is not there.
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


def hold_registrations(connection: Connection) -> None:
    """Let no version be registered or held until the caller's transaction ends.

    Whoever is at it is waited for, and is seen by what the caller reads next. MLflow's table
    first, as registrations write them; after `hold_model`, which others take first.
    """
    if connection.dialect.name == "sqlite":
        return
    connection.execute(text("LOCK TABLE model_versions, acgs_version, acgs_hold IN SHARE MODE"))
